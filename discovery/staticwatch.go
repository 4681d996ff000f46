package discovery

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/fsnotify/fsnotify"
	"github.com/rs/zerolog"
)

// When a file is read again. Who writes it does so in several steps, so it is
// left alone for a moment; who never stops is not waited for.
const (
	fileQuiet    = 50 * time.Millisecond
	fileQuietCap = 500 * time.Millisecond
	// fileEvery is for changes that nobody announces, as on network file systems.
	fileEvery = 10 * time.Second
	// fileEveryBlind takes the place of fileEvery where nothing is announced.
	fileEveryBlind = time.Second
)

// fileWatch says when a file may have changed. It watches the directories of the
// path and of what that leads to rather than the file, because a file is mostly
// replaced and not written, and a symbolic link turned to another directory.
type fileWatch struct {
	path    string
	every   time.Duration     // the longest wait
	watcher *fsnotify.Watcher // nil: the system gives none
}

// watchFile never fails: without the system's help the file is read every second.
func watchFile(path string, log zerolog.Logger) *fileWatch {
	watcher, err := fsnotify.NewWatcher()
	if err != nil {
		watcher = nil
		log.Warn().Err(err).Str("file", path).Msg("changes of the file are not announced by the system, it is read every second")
	}
	return &fileWatch{path: path, watcher: watcher}
}

func (w *fileWatch) close() {
	if w.watcher != nil {
		_ = w.watcher.Close()
	}
}

// wait returns nil when it is time to read the file again, at the latest at
// deadline unless that is zero, and ctx's error when that has ended.
func (w *fileWatch) wait(ctx context.Context, deadline time.Time) error {
	pause := w.every
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
				latest = now.Add(fileQuietCap)
			}
			timer.Reset(max(min(fileQuiet, latest.Sub(now)), 0))
		}
	}
}

// follow watches the directories as they are now. It is called before the file is
// read, so that no change falls between. Those watched before stay, which costs a
// look at the file now and then.
func (w *fileWatch) follow() {
	w.every = fileEvery
	if w.watcher == nil {
		w.every = fileEveryBlind
		return
	}
	for _, folder := range foldersOf(w.path) {
		if w.watcher.Add(folder) != nil {
			w.every = fileEveryBlind
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
	return unique(folders)
}

func (w *fileWatch) events() <-chan fsnotify.Event {
	if w.watcher == nil {
		return nil
	}
	return w.watcher.Events
}

func (w *fileWatch) errors() <-chan error {
	if w.watcher == nil {
		return nil
	}
	return w.watcher.Errors
}
