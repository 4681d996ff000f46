package certs

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"github.com/rota-proxy/rota/internal/filewatch"
)

// Files are the operator's certificates: NAME.crt or NAME.pem with NAME.key, or
// NAME.pem that holds both. The same files are authorities for the certificates
// of clients, and then need no key. They are read again when they change. A pair
// that cannot be used leaves the one before in use; an authority that cannot be
// used is none. Nothing outside the folder is read, not even through a link.
//
// The methods but for Run may be called from any goroutine.
type Files struct {
	folder string
	log    zerolog.Logger
	named  atomic.Pointer[map[string]*file]
}

// file is what the folder has under one name. It is immutable.
type file struct {
	chain, key []byte           // as read
	pair       *tls.Certificate // the last good one; nil: there was none
	pairFault  error            // why chain and key are none
	roots      []*x509.Certificate
	rootsFault error // why chain holds no roots
}

// errNoFolder is the fault of every name without --certs.
var errNoFolder = errors.New("rota was started without --certs")

// OpenFiles reads a folder. Without one (an empty path) there are no certificates.
// Files that cannot be used are no error: they are told as faults.
func OpenFiles(folder string, log zerolog.Logger) (*Files, error) {
	f := &Files{folder: folder, log: log}
	f.named.Store(&map[string]*file{})
	if folder == "" {
		return f, nil
	}
	return f, f.load()
}

// Run follows the folder until ctx ends, and returns its error and no other.
func (f *Files) Run(ctx context.Context) error {
	if f.folder == "" {
		<-ctx.Done()
		return ctx.Err()
	}
	watch := filewatch.Folder(f.folder, f.log)
	defer watch.Close()
	failed := ""
	for {
		watch.Follow()
		err := f.load()
		if err == nil {
			failed = ""
		} else if text := err.Error(); text != failed {
			failed = text
			f.log.Error().Err(err).Str("folder", f.folder).Msg("the certificates cannot be read, what was read before stays in use")
		}
		if err := watch.Wait(ctx, time.Time{}); err != nil {
			return err
		}
	}
}

// Pair is the certificate of that name, the last good one if what is there now
// cannot be used.
func (f *Files) Pair(name string) (*tls.Certificate, error) {
	found, err := f.find(name)
	switch {
	case err != nil:
		return nil, err
	case found.pair == nil:
		return nil, unusable{name, found.pairFault}
	}
	return found.pair, nil
}

// PairFault is why the certificate of that name cannot be used as it is now, nil
// if it can. An earlier one may be in use: see [Files.Pair].
func (f *Files) PairFault(name string) error {
	found, err := f.find(name)
	if err != nil {
		return err
	}
	if found.pairFault != nil {
		return unusable{name, found.pairFault}
	}
	return nil
}

// Roots are the certificates in the file of that name: authorities.
func (f *Files) Roots(name string) ([]*x509.Certificate, error) {
	found, err := f.find(name)
	switch {
	case err != nil:
		return nil, err
	case found.rootsFault != nil:
		return nil, unusable{name, found.rootsFault}
	}
	return found.roots, nil
}

func (f *Files) find(name string) (*file, error) {
	switch found := (*f.named.Load())[name]; {
	case f.folder == "":
		return nil, missing{name, errNoFolder}
	case found == nil:
		return nil, missing{name, fmt.Errorf("%s has neither %s.crt nor %s.pem", f.folder, name, name)}
	default:
		return found, nil
	}
}

// missing is the error of a name that the folder does not have, unusable that of
// one whose files are no certificate.
type (
	missing struct {
		name   string
		reason error
	}
	unusable struct {
		name   string
		reason error
	}
)

func (e missing) Error() string  { return fmt.Sprintf("certificate %q: %v", e.name, e.reason) }
func (e unusable) Error() string { return fmt.Sprintf("certificate %q: %v", e.name, e.reason) }

// The bounds of what is read. A bundle of all public authorities has 250 KiB.
const (
	maxFile  = 1 << 20
	maxNames = 10_000
)

// load makes the folder as it is now the one in use. An error means that it
// cannot be read; then nothing changes.
func (f *Files) load() error {
	root, err := os.OpenRoot(f.folder)
	if err != nil {
		return fmt.Errorf("reading certificates: %w", err)
	}
	defer func() { _ = root.Close() }()
	entries, err := fs.ReadDir(root.FS(), ".")
	if err != nil {
		return fmt.Errorf("reading certificates: %w", err)
	}
	before := *f.named.Load()
	now := map[string]*file{}
	for _, name := range namesIn(entries) {
		now[name] = f.read(root, name, before[name])
	}
	for name, was := range before {
		if now[name] == nil && was.pair != nil {
			now[name] = &file{pair: was.pair, pairFault: errGone, rootsFault: errGone}
		}
	}
	f.named.Store(&now)
	f.tell(before, now)
	return nil
}

var errGone = errors.New("its files are gone")

// certificateName is what a label may call a certificate: never a path.
var certificateName = regexp.MustCompile(`^[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}$`)

// namesIn are the names that a folder has certificates of, sorted.
func namesIn(entries []fs.DirEntry) []string {
	names := map[string]bool{}
	for _, e := range entries {
		ext := path.Ext(e.Name())
		name := strings.TrimSuffix(e.Name(), ext)
		if (ext == ".crt" || ext == ".pem") && certificateName.MatchString(name) && len(names) < maxNames {
			names[name] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// read makes a file of what stands under name now, or returns was if that is the
// same.
func (f *Files) read(root *os.Root, name string, was *file) *file {
	chain, err := readPEM(root, name+".crt")
	if errors.Is(err, fs.ErrNotExist) {
		chain, err = readPEM(root, name+".pem")
	}
	key, keyErr := readPEM(root, name+".key")
	if errors.Is(keyErr, fs.ErrNotExist) {
		key, keyErr = chain, nil
	}
	if was != nil && was.chain != nil && err == nil && keyErr == nil && bytes.Equal(was.chain, chain) && bytes.Equal(was.key, key) {
		return was
	}
	made := &file{chain: chain, key: key}
	if was != nil {
		made.pair = was.pair
	}
	made.roots, made.rootsFault = parseRoots(chain, err)
	pair, fault := parsePair(chain, key, errors.Join(err, keyErr))
	if made.pairFault = fault; fault == nil {
		made.pair = &pair
	}
	return made
}

func readPEM(root *os.Root, name string) ([]byte, error) {
	file, err := root.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	if info, err := file.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, errors.Join(err, fmt.Errorf("%s is no regular file", name))
	}
	text, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if err == nil && len(text) > maxFile {
		err = fmt.Errorf("%s has more than %d KiB", name, maxFile>>10)
	}
	return text, err
}

// errKeyless is the fault of a file that may serve as an authority alone.
var errKeyless = errors.New("there is no private key: put NAME.key beside it, or into NAME.pem")

func parsePair(chain, key []byte, err error) (tls.Certificate, error) {
	if err != nil {
		return tls.Certificate{}, err
	}
	if !bytes.Contains(key, []byte("PRIVATE KEY-----")) {
		return tls.Certificate{}, errKeyless
	}
	return tls.X509KeyPair(chain, key)
}

func parseRoots(text []byte, err error) ([]*x509.Certificate, error) {
	if err != nil {
		return nil, err
	}
	var roots []*x509.Certificate
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		root, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		roots = append(roots, root)
	}
	if len(roots) == 0 {
		return nil, errors.New("there is no certificate in it")
	}
	return roots, nil
}

// tell logs what can no longer be used as it is, or can again.
func (f *Files) tell(before, now map[string]*file) {
	for _, name := range slices.Sorted(maps.Keys(now)) {
		was, is := before[name], now[name]
		switch {
		case was == is || errors.Is(is.pairFault, errKeyless) && (was == nil || was.pair == nil):
		case is.pairFault != nil && (was == nil || was.pairFault == nil || was.pairFault.Error() != is.pairFault.Error()):
			f.log.Error().Str("certificate", name).Str("error", is.pairFault.Error()).Bool("earlier_in_use", is.pair != nil).
				Msg("a certificate cannot be used")
		case is.pairFault == nil && is.pair != nil:
			f.log.Info().Str("certificate", name).Strs("names", is.pair.Leaf.DNSNames).Time("expires", is.pair.Leaf.NotAfter).
				Msg("a certificate was read")
		}
	}
}
