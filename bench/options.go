package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// options are what the command line says.
type options struct {
	cases      []string // empty: all
	candidates []string // empty: all
	rotas      []source
	pace       pace
	json       string
}

// pace says how often and how long is measured.
type pace struct {
	rounds   int
	duration time.Duration // of the load that is measured
	warmup   time.Duration // of the same load before it
	settle   time.Duration // most time for memory to come to rest
}

// source is a rota to measure: a binary, or a folder to build one from.
type source struct{ name, path string }

const usage = `Usage: go run ./bench [flags]

Runs rota, nginx, haproxy and httputil.ReverseProxy one after the other, round
after round, under the same load on loopback, and prints a table for each case.
Everything at its default takes about half an hour.

`

func parseOptions(args []string, stderr io.Writer) (options, error) {
	o := options{}
	var seconds, warmup int
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {
		fmt.Fprint(stderr, usage)
		flags.PrintDefaults()
		fmt.Fprint(stderr, "\nCases:\n")
		for _, w := range (plan{}).workloads() {
			fmt.Fprintf(stderr, "  %-10s %s\n", w.name, w.title)
		}
	}
	flags.Var(list{&o.cases}, "case", "`names` of the cases to run, with commas between (default all)")
	flags.Var(list{&o.candidates}, "candidates",
		"`names` of the candidates to run, with commas between: rota, "+strings.Join(peers(), ", ")+" (default all)")
	flags.Func("rota", "`[NAME=]PATH` of a rota binary, or of a folder to build one from; repeat it to compare several in the same rounds (default this module)",
		o.addRota)
	flags.IntVar(&o.pace.rounds, "rounds", 9, "how often each candidate is measured; the table gives medians")
	flags.IntVar(&seconds, "seconds", 3, "how many seconds each measurement takes")
	flags.IntVar(&warmup, "warmup", 1, "how many seconds the same load runs before each measurement")
	flags.DurationVar(&o.pace.settle, "settle", 30*time.Second, "how long memory may take to come to rest in the case idle")
	flags.StringVar(&o.json, "json", "", "`FILE` for the figures of every round")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	o.pace.duration, o.pace.warmup = time.Duration(seconds)*time.Second, time.Duration(warmup)*time.Second
	if flags.NArg() > 0 {
		return o, fmt.Errorf("%q is no flag; go run ./bench -h lists them", flags.Arg(0))
	}
	return o, o.complete()
}

// list is a flag whose value is several words.
type list struct{ into *[]string }

func (l list) String() string { return "" }

func (l list) Set(text string) error {
	for word := range strings.SplitSeq(text, ",") {
		if word = strings.TrimSpace(word); word == "" {
			return errors.New("there is an empty name in it")
		}
		*l.into = append(*l.into, word)
	}
	return nil
}

func (o *options) addRota(text string) error {
	name, path, named := strings.Cut(text, "=")
	if !named {
		name, path = nameRota, text
		if n := len(o.rotas); n > 0 {
			name = fmt.Sprintf("%s-%d", nameRota, n+1)
		}
	}
	if name == "" || path == "" {
		return errors.New("right would be a path, or NAME=PATH")
	}
	path, err := filepath.Abs(path)
	o.rotas = append(o.rotas, source{name, path})
	return err
}

// complete checks what belongs together and fills in which rota is meant.
func (o *options) complete() error {
	if o.pace.rounds < 1 || o.pace.duration < time.Second || o.pace.warmup < 0 || o.pace.settle < 0 {
		return errors.New("-rounds and -seconds are 1 at least, -warmup and -settle not negative")
	}
	if len(o.rotas) == 0 {
		root, err := moduleRoot()
		if err != nil {
			return err
		}
		o.rotas = []source{{nameRota, root}}
	}
	taken := slices.Clone(peers())
	for _, r := range o.rotas {
		if slices.Contains(taken, r.name) {
			return fmt.Errorf("-rota: the name %s is taken; give each its own: -rota NAME=PATH", r.name)
		}
		taken = append(taken, r.name)
	}
	if !slices.Contains(taken, nameRota) {
		taken = append(taken, nameRota) // it stands for all of them
	}
	if err := allKnown("-candidates", o.candidates, taken); err != nil {
		return err
	}
	return allKnown("-case", o.cases, caseNames())
}

func caseNames() []string {
	var names []string
	for _, w := range (plan{}).workloads() {
		names = append(names, w.name)
	}
	return names
}

func allKnown(flag string, words, known []string) error {
	for _, word := range words {
		if !slices.Contains(known, word) {
			return fmt.Errorf("%s: there is no %q; there are %s", flag, word, strings.Join(known, ", "))
		}
	}
	return nil
}

// wantsCase says whether -case leaves it in.
func (o *options) wantsCase(name string) bool {
	return len(o.cases) == 0 || slices.Contains(o.cases, name)
}

// wantsCandidate says whether -candidates leaves it in; `rota` stands for all
// of them.
func (o *options) wantsCandidate(c candidate) bool {
	_, isRota := c.(rota)
	return len(o.candidates) == 0 || slices.Contains(o.candidates, c.Kind()) ||
		isRota && slices.Contains(o.candidates, nameRota)
}

func moduleRoot() (string, error) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}").Output()
	if err != nil {
		return "", fmt.Errorf("looking for the module to build rota from: %w; -rota PATH names a binary", err)
	}
	return strings.TrimSpace(string(out)), nil
}
