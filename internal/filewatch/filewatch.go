// Package filewatch says when files may have changed, however they are written:
// in place, replaced, or by a symbolic link that is turned.
package filewatch

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/fsnotify/fsnotify"
	"github.com/rs/zerolog"
)

// When files are read again. Who writes one does so in several steps, so it
// is left alone for a moment; who never stops is not waited for.
const (
	quiet    = 50 * time.Millisecond
	quietCap = 500 * time.Millisecond
	// Every is for changes that nobody announces, as on network file systems.
	Every = 10 * time.Second
	// everyBlind takes the place of Every where nothing is announced.
	everyBlind = time.Second
)

// Watch waits for changes. It is used by one goroutine.
type Watch struct {
	folders func() []string
	longest time.Duration     // how long to wait where nothing is announced
	watcher *fsnotify.Watcher // nil: the system gives none
}

// File watches one file: the directories of its path and of what that leads to
// rather than the file, because a file is mostly replaced and not written, and a
// symbolic link turned to another directory. Close ends it.
func File(path string, log zerolog.Logger) *Watch {
	return start(path, func() []string { return foldersOf(path) }, log)
}

// Folder watches the files in a folder, likewise.
func Folder(path string, log zerolog.Logger) *Watch {
	return start(path, func() []string { return append(foldersOf(path), path) }, log)
}

// start never fails: without the system's help it is looked every second.
func start(path string, folders func() []string, log zerolog.Logger) *Watch {
	watcher, err := fsnotify.NewWatcher()
	if err != nil {
		watcher = nil
		log.Warn().Err(err).Str("path", path).Msg("changes are not announced by the system, it is read every second")
	}
	return &Watch{folders: folders, watcher: watcher}
}

// Close gives back what the system lent.
func (w *Watch) Close() {
	if w.watcher != nil {
		_ = w.watcher.Close()
	}
}

// Wait returns nil when it is time to read again, at the latest at deadline
// unless that is zero, and ctx's error when that has ended.
func (w *Watch) Wait(ctx context.Context, deadline time.Time) error {
	pause := w.longest
	if !deadline.IsZero() {
		pause = min(pause, max(time.Until(deadline), 0))
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	var latest time.Time // how long quiet is waited for at most
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-timer.C:
			return nil
		case <-w.errors(): // events were lost: the timer will do
		case <-w.events():
			now := time.Now()
			if latest.IsZero() {
				latest = now.Add(quietCap)
			}
			timer.Reset(max(min(quiet, latest.Sub(now)), 0))
		}
	}
}

// Follow watches the directories as they are now. It is called before anything
// is read, so that no change falls between. Those watched before stay, which
// costs a look now and then.
func (w *Watch) Follow() {
	w.longest = Every
	if w.watcher == nil {
		w.longest = everyBlind
		return
	}
	for _, folder := range w.folders() {
		if w.watcher.Add(folder) != nil {
			w.longest = everyBlind
		}
	}
}

// foldersOf are the directories in which a change may make path another file:
// its own, that of what it leads to, and those of symbolic links on the way.
func foldersOf(path string) []string {
	folders := []string{filepath.Dir(path)}
	if real, err := filepath.EvalSymlinks(path); err == nil {
		folders = append(folders, filepath.Dir(real))
	}
	for above := filepath.Dir(path); above != filepath.Dir(above); above = filepath.Dir(above) {
		if info, err := os.Lstat(above); err == nil && info.Mode()&fs.ModeSymlink != 0 {
			folders = append(folders, filepath.Dir(above))
		}
	}
	slices.Sort(folders)
	return slices.Compact(folders)
}

func (w *Watch) events() <-chan fsnotify.Event {
	if w.watcher == nil {
		return nil
	}
	return w.watcher.Events
}

func (w *Watch) errors() <-chan error {
	if w.watcher == nil {
		return nil
	}
	return w.watcher.Errors
}
