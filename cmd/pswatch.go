package cmd

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"time"
)

// psInterval is how often `rota ps -w` asks.
const psInterval = time.Second

// The terminal sequences of a live view (ECMA-48). What is drawn replaces what
// was there line by line, so that nothing flickers.
const (
	screenStart = "\x1b[?25l\x1b[2J" // hide the cursor, clear
	screenHome  = "\x1b[H"           // to the upper left corner
	lineRest    = "\x1b[K"           // clear to the end of the line
	screenRest  = "\x1b[J"           // clear below
	screenEnd   = "\x1b[?25h\r\n"    // show the cursor
)

// psWatch is `rota ps -w`. On a terminal it redraws in place, elsewhere it
// prints one after the other.
type psWatch struct {
	proxy   found
	options psOptions
	out     io.Writer
	live    bool
}

func watchPs(ctx context.Context, proxy found, o psOptions, out io.Writer) error {
	w := psWatch{proxy: proxy, options: o, out: out, live: isTerminal(out) && !o.json && !o.quiet}
	if w.live {
		_, _ = io.WriteString(out, screenStart)
		defer func() { _, _ = io.WriteString(out, screenEnd) }()
	}
	return w.run(ctx)
}

// run shows the state every second until ctx ends, which is a clean end. A
// proxy that has never answered is an error; one that stops answering may be
// restarting, so that is said and it is asked again.
func (w psWatch) run(ctx context.Context) error {
	ticker := time.NewTicker(psInterval)
	defer ticker.Stop()
	for answered := false; ; answered = true {
		text, err := w.ask(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil && (!answered || w.options.json):
			return err
		case err != nil:
			text = printable(strings.ReplaceAll(err.Error(), "\n", " ")) + "\n"
		}
		if err := w.show(text); err != nil {
			return fmt.Errorf("writing the table: %w", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// ask is one answer of the proxy as it is to be shown.
func (w psWatch) ask(ctx context.Context) (string, error) {
	answer, err := askPs(ctx, w.proxy.client)
	if err != nil {
		return "", w.proxy.explain(err)
	}
	var text bytes.Buffer
	width, _ := terminalSize(w.out)
	err = printPs(&text, answer, w.options, width, time.Now())
	return text.String(), err
}

func (w psWatch) show(text string) error {
	switch {
	case w.live:
		width, height := terminalSize(w.out)
		text = frame(breakLines(text, width), height)
	case !w.options.json && !w.options.quiet:
		text += "\n"
	}
	_, err := io.WriteString(w.out, text)
	return err
}

// frame draws text over the last frame, cut to the height of the terminal (0:
// as much as there is): a line too many would scroll, and the next frame would
// not cover this one.
func frame(text string, height int) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	if room := height - 1; height > 1 && len(lines) > room {
		more := len(lines) - room + 1
		lines = append(lines[:room-1], fmt.Sprintf("… %d lines more than fit", more))
	}
	var b strings.Builder
	b.WriteString(screenHome)
	for _, line := range lines {
		b.WriteString(line + lineRest + "\r\n")
	}
	b.WriteString(screenRest)
	return b.String()
}

// breakLines breaks lines where the terminal would, so that they can be
// counted; a width of 0 breaks none.
func breakLines(text string, width int) string {
	var b strings.Builder
	column := 0
	for _, r := range text {
		if r != '\n' && width > 0 && column == width {
			b.WriteByte('\n')
			column = 0
		}
		b.WriteRune(r)
		if column++; r == '\n' {
			column = 0
		}
	}
	return b.String()
}
