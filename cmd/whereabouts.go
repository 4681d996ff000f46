package cmd

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// whereabouts is the file in which a running `rota serve` leaves the address of
// its admin listener for `rota ps` and `rota healthcheck`:
// <data>/run/admin. Of several proxies with one data folder the last counts.
type whereabouts string

func whereaboutsIn(data string) whereabouts {
	return whereabouts(filepath.Join(data, "run", "admin"))
}

// write puts the address in place at once, so that nobody reads half of it.
func (w whereabouts) write(addr string) error {
	folder := filepath.Dir(string(w))
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return fmt.Errorf("leaving the admin address: %w", err)
	}
	// CreateTemp makes files that only their owner may read.
	file, err := os.CreateTemp(folder, ".admin-*")
	if err != nil {
		return fmt.Errorf("leaving the admin address: %w", err)
	}
	_, err = file.WriteString(addr + "\n")
	err = errors.Join(err, file.Close())
	if err == nil {
		err = os.Rename(file.Name(), string(w))
	}
	if err != nil {
		return fmt.Errorf("leaving the admin address: %w", errors.Join(err, os.Remove(file.Name())))
	}
	return nil
}

// read is the address, and whether one was left.
func (w whereabouts) read() (string, bool, error) {
	text, err := os.ReadFile(string(w))
	if errors.Is(err, fs.ErrNotExist) {
		return "", false, nil
	}
	if err != nil {
		return "", false, fmt.Errorf("reading the admin address: %w", err)
	}
	addr, err := parseAddress(strings.TrimSpace(string(text)))
	if err != nil {
		return "", false, fmt.Errorf("reading the admin address in %s: %q %w", w, text, err)
	}
	return addr, true, nil
}

// remove takes the address away if it is still ours.
func (w whereabouts) remove(addr string) {
	if left, ok, err := w.read(); err == nil && ok && left == addr {
		_ = os.Remove(string(w))
	}
}
