//go:build !linux

package main

import (
	"errors"
	"runtime"
	"syscall"
	"time"
)

var errNotLinux = errors.New("the benchmarks read /proc and need Linux; this is " + runtime.GOOS)

func ownGroup() *syscall.SysProcAttr { return nil }

func killGroup(int) error { return errNotLinux }

func raiseFileLimit(uint64) error { return errNotLinux }

func members(int) ([]stat, error) { return nil, errNotLinux }

func cpuTime(int) (time.Duration, error) { return 0, errNotLinux }

func ownTime() (time.Duration, error) { return 0, errNotLinux }

func machineTime() (time.Duration, error) { return 0, errNotLinux }

func sleep(d time.Duration) { time.Sleep(d) }

func kernel() string { return runtime.GOOS }
