package certs

import (
	"bytes"
	"context"
	"crypto/x509"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"github.com/rota-proxy/rota/internal/testrig"
)

// folder is one of certificates, followed.
type folder struct {
	t *testing.T
	*Files
	path string
	log  *testrig.Output
}

func follow(t *testing.T, prepare func(f *folder)) *folder {
	t.Helper()
	f := &folder{t: t, path: t.TempDir(), log: &testrig.Output{}}
	prepare(f)
	files, err := OpenFiles(f.path, zerolog.New(f.log))
	if err != nil {
		t.Fatal(err)
	}
	f.Files = files
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- files.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != context.Canceled {
			t.Errorf("Run ended with %v", err)
		}
	})
	return f
}

// put writes a file in two steps, as careless programs do.
func (f *folder) put(name string, text []byte) {
	f.t.Helper()
	file, err := os.Create(filepath.Join(f.path, name))
	if err != nil {
		f.t.Fatal(err)
	}
	defer file.Close()
	for _, part := range [][]byte{text[:len(text)/2], text[len(text)/2:]} {
		if _, err := file.Write(part); err != nil {
			f.t.Fatal(err)
		}
	}
}

func (f *folder) putPair(name string, pair testrig.Pair) {
	f.t.Helper()
	f.put(name+".crt", pair.ChainPEM)
	f.put(name+".key", pair.KeyPEM)
}

// shows says whether pair is the one in use under a name.
func (f *folder) shows(name string, pair testrig.Pair) bool {
	got, err := f.Pair(name)
	return err == nil && bytes.Equal(got.Certificate[0], pair.Certificate.Certificate[0])
}

func TestCertificatesAreFoundByName(t *testing.T) {
	outside := t.TempDir()
	a := testrig.NewAuthority(t, "root")
	pair := a.Leaf(nil, "a.test")
	both := slices.Concat(pair.ChainPEM, pair.KeyPEM)
	f := follow(t, func(f *folder) {
		f.putPair("pair", pair)
		f.put("split.pem", pair.ChainPEM)
		f.put("split.key", pair.KeyPEM)
		f.put("both.v2.pem", both)
		f.put("_.example.com.pem", both)
		f.put("keyless.crt", pair.ChainPEM)
		f.put("broken.pem", []byte("no certificate"))
		f.put("other.crt", pair.ChainPEM)
		f.put("other.key", a.Leaf(nil, "b.test").KeyPEM)
		f.put("lonely.key", pair.KeyPEM)
		if err := os.WriteFile(filepath.Join(outside, "linked.pem"), both, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(filepath.Join(outside, "linked.pem"), filepath.Join(f.path, "linked.pem")); err != nil {
			t.Fatal(err)
		}
		if err := os.Mkdir(filepath.Join(f.path, "folder.pem"), 0o755); err != nil {
			t.Fatal(err)
		}
	})
	for name, want := range map[string]string{
		"pair": "", "split": "", "both.v2": "", "_.example.com": "",
		"keyless": "no private key", "broken": "no private key", "other": "does not match", "linked": "escapes", "folder": "no regular file",
		"missing": "neither missing.crt nor missing.pem", "lonely": "neither", "": "neither", ".": "neither", "pair\x00": "neither",
		"../" + filepath.Base(outside) + "/linked": "neither",
	} {
		certificate, err := f.Pair(name)
		if (err == nil) != (want == "") || (err == nil) != (certificate != nil) || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, %v, want an error with %q", name, certificate != nil, err, want)
		}
	}
}

func TestWithoutAFolderThereAreNoCertificates(t *testing.T) {
	f, err := OpenFiles("", zerolog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Pair("pair"); err == nil || !strings.Contains(err.Error(), "--certs") {
		t.Errorf("a certificate in no folder: %v", err)
	}
	if _, err := f.Roots("pair"); err == nil {
		t.Error("an authority in no folder")
	}
}

// A new pair is in use as soon as it is whole; until then, and while it is wrong,
// the earlier one is, and why is said.
func TestThePairBeforeIsKeptWhileTheNewOneIsWrong(t *testing.T) {
	a := testrig.NewAuthority(t, "root")
	first, second := a.Leaf(nil, "a.test"), a.Leaf(nil, "a.test")
	f := follow(t, func(f *folder) { f.putPair("a", first) })
	if !f.shows("a", first) {
		t.Fatal("the first pair is not in use")
	}
	f.put("a.crt", second.ChainPEM) // its key is still to come
	testrig.Eventually(t, "the fault", func() bool { return faulty(f, "does not match") })
	if !f.shows("a", first) {
		t.Error("the first pair is not kept")
	}
	f.put("a.key", second.KeyPEM)
	testrig.Eventually(t, "the second pair", func() bool { return f.shows("a", second) && f.PairFault("a") == nil })
	for _, name := range []string{"a.crt", "a.key"} {
		if err := os.Remove(filepath.Join(f.path, name)); err != nil {
			t.Fatal(err)
		}
	}
	testrig.Eventually(t, "the loss to be told", func() bool { return faulty(f, "gone") })
	if !f.shows("a", second) {
		t.Error("the second pair is not kept")
	}
	if log := f.log.String(); strings.Contains(log, "PRIVATE") || strings.Count(log, "does not match") != 1 || strings.Count(log, "are gone") != 1 {
		t.Errorf("the log is %s", log)
	}
	f.putPair("b", first)
	testrig.Eventually(t, "a pair that is new", func() bool { return f.shows("b", first) })
}

// faulty says whether the fault of the pair "a" has these words.
func faulty(f *folder, words string) bool {
	err := f.PairFault("a")
	return err != nil && strings.Contains(err.Error(), words)
}

// Who is trusted is never an old answer: an authority that cannot be read is none.
func TestAnAuthorityThatCannotBeReadIsNone(t *testing.T) {
	a, b := testrig.NewAuthority(t, "a"), testrig.NewAuthority(t, "b")
	f := follow(t, func(f *folder) { f.put("staff.crt", slices.Concat(a.RootPEM(), b.RootPEM())) })
	is := func(roots ...*x509.Certificate) func() bool {
		return func() bool {
			got, err := f.Roots("staff")
			return err == nil && slices.EqualFunc(got, roots, (*x509.Certificate).Equal)
		}
	}
	if !is(a.Root, b.Root)() {
		t.Fatal("the authorities are not read")
	}
	f.put("staff.crt", b.RootPEM())
	testrig.Eventually(t, "one to be dropped", is(b.Root))
	f.put("staff.crt", []byte("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"))
	testrig.Eventually(t, "the fault", func() bool { _, err := f.Roots("staff"); return err != nil })
	f.put("staff.crt", a.RootPEM())
	testrig.Eventually(t, "the other", is(a.Root))
	if err := os.Remove(filepath.Join(f.path, "staff.crt")); err != nil {
		t.Fatal(err)
	}
	testrig.Eventually(t, "the loss", func() bool { _, err := f.Roots("staff"); return err != nil })
	if strings.Contains(f.log.String(), "private key") {
		t.Errorf("an authority needs no key: %s", f.log)
	}
}

func TestAFolderThatIsGoneEndsNothing(t *testing.T) {
	pair := testrig.NewAuthority(t, "root").Leaf(nil, "a.test")
	f := follow(t, func(f *folder) { f.putPair("a", pair) })
	aside := f.path + ".aside"
	if err := os.Rename(f.path, aside); err != nil {
		t.Fatal(err)
	}
	testrig.Eventually(t, "it to be told", func() bool { return strings.Contains(f.log.String(), "stays in use") })
	if !f.shows("a", pair) {
		t.Error("the pair is not kept")
	}
	if err := os.Rename(aside, f.path); err != nil {
		t.Fatal(err)
	}
	f.putPair("b", pair)
	testrig.Eventually(t, "the folder to be read again", func() bool { return f.shows("b", pair) })
}
