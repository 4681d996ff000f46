package cmd

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"

	"golang.org/x/term"
)

// key is what a pressed key means to the demo.
type key int

const (
	keyMore key = iota
	keyFewer
	keyKill
	keyEnd
)

// keys are pressed on the terminal behind a file.
type keys struct {
	file    *os.File
	pressed chan key
}

// keyboard is nil unless a person sits at both ends.
func keyboard(in io.Reader, out io.Writer) *keys {
	file, ok := in.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) || !isTerminal(out) {
		return nil
	}
	return &keys{file: file, pressed: make(chan key)}
}

// start has keys come one by one, unseen. The returned function brings the
// terminal back to what it was.
func (k *keys) start(ctx context.Context) (restore func(), err error) {
	fd := int(k.file.Fd())
	before, err := term.MakeRaw(fd)
	if err != nil {
		return nil, fmt.Errorf("preparing the terminal for keys: %w", err)
	}
	// A read from a terminal cannot be interrupted: this goroutine lasts until
	// the next key or the end of the process, whose terminal it is.
	go k.read(ctx)
	return func() { _ = term.Restore(fd, before) }, nil
}

func (k *keys) read(ctx context.Context) {
	raw := make([]byte, 64)
	for {
		n, err := k.file.Read(raw)
		pressed := parseKeys(raw[:n])
		if err != nil {
			pressed = append(pressed, keyEnd) // the terminal is gone
		}
		for _, one := range pressed {
			select {
			case k.pressed <- one:
			case <-ctx.Done():
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// keyCodes are what terminals send; arrows have two forms (ECMA-48 and the
// application mode of VT100).
var keyCodes = []struct {
	code string
	key  key
}{
	{"\x1b[A", keyMore}, {"\x1bOA", keyMore}, {"+", keyMore}, {"=", keyMore}, // = is + without shift
	{"\x1b[B", keyFewer}, {"\x1bOB", keyFewer}, {"-", keyFewer}, {"_", keyFewer},
	{"k", keyKill}, {"K", keyKill},
	{"q", keyEnd}, {"Q", keyEnd}, {"\x03", keyEnd}, {"\x04", keyEnd}, // Ctrl-C and Ctrl-D, which make no signal in raw mode
}

// parseKeys finds the keys in what was read at once; others are skipped.
func parseKeys(raw []byte) (found []key) {
next:
	for len(raw) > 0 {
		for _, known := range keyCodes {
			if rest, ok := bytes.CutPrefix(raw, []byte(known.code)); ok {
				found = append(found, known.key)
				raw = rest
				continue next
			}
		}
		raw = raw[1:]
	}
	return found
}
