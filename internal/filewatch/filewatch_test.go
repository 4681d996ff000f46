package filewatch

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"
)

// Without the system's help files are looked at every second.
func TestWithoutTheSystemsHelp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		blind := &Watch{}
		defer blind.Close()
		start := time.Now()
		blind.Follow()
		if err := blind.Wait(t.Context(), time.Time{}); err != nil || time.Since(start) != everyBlind {
			t.Errorf("it waited for %v and said %v", time.Since(start), err)
		}
		start = time.Now()
		if err := blind.Wait(t.Context(), start.Add(time.Millisecond)); err != nil || time.Since(start) != time.Millisecond {
			t.Errorf("until its deadline it waited for %v and said %v", time.Since(start), err)
		}
	})
}

// A change is announced long before it would be looked for.
func TestChangeInAFolder(t *testing.T) {
	folder := t.TempDir()
	w := Folder(folder, zerolog.Nop())
	defer w.Close()
	w.Follow()
	if err := os.WriteFile(filepath.Join(folder, "new"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), Every/2)
	defer cancel()
	if err := w.Wait(ctx, time.Time{}); err != nil {
		t.Errorf("the change was not announced: %v", err)
	}
}
