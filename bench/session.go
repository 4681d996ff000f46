package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// filesNeeded is what the case with most connections takes in one process:
// either side of 5,000, and room.
const filesNeeded = 12_000

// session is one call of the program: everything that is made once and used by
// all cases.
type session struct {
	options
	machine   machine
	dir       string
	self      string
	tools     tools
	plan      plan
	upstream  *process
	upstreams []string
	progress  io.Writer
}

// newSession builds what is to be measured and starts the upstream server.
func newSession(ctx context.Context, o options, progress io.Writer) (_ *session, err error) {
	s := &session{options: o, progress: progress}
	if err := raiseFileLimit(filesNeeded); err != nil {
		return nil, err
	}
	if s.tools, err = findTools(); err != nil {
		return nil, err
	}
	if s.self, err = os.Executable(); err != nil {
		return nil, err
	}
	if s.dir, err = newDir(""); err != nil {
		return nil, err
	}
	if err = s.prepare(ctx); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *session) prepare(ctx context.Context) (err error) {
	s.plan.wrk = wrkTool{program: s.tools.wrk, script: filepath.Join(s.dir, "wrk.lua")}
	if err := os.WriteFile(s.plan.wrk.script, wrkScript, 0o644); err != nil {
		return err
	}
	if s.plan.rotas, err = build(ctx, s.rotas, s.dir); err != nil {
		return err
	}
	s.machine = describeMachine(ctx, s.tools, s.plan.rotas)
	s.upstream, s.upstreams, err = startUpstream(ctx, s.self, s.dir)
	return err
}

func (s *session) close() {
	if s.upstream != nil {
		s.upstream.stop()
	}
	_ = os.RemoveAll(s.dir)
}

// run measures all cases that are wanted and prints a table after each. The
// results there are come with an error too.
func (s *session) run(ctx context.Context, stdout io.Writer) ([]result, error) {
	fmt.Fprintln(stdout, s.machine)
	var results []result
	for _, w := range s.plan.workloads() {
		w = w.only(s.wantsCandidate)
		if !s.wantsCase(w.name) || len(w.entries) == 0 {
			continue
		}
		r, err := s.measure(ctx, w)
		if ctx.Err() != nil {
			return results, errors.New("interrupted") // whatever that has broken
		}
		if err != nil {
			return results, err
		}
		results = append(results, r)
		fmt.Fprint(stdout, w.table(r))
	}
	if len(results) == 0 {
		return nil, errors.New("none of the candidates takes part in these cases")
	}
	return results, nil
}

// measure lets the candidates take turns, so that what happens to the machine
// meanwhile happens to all.
func (s *session) measure(ctx context.Context, w workload) (result, error) {
	r := newResult(w)
	for round := range s.pace.rounds {
		for i, e := range w.entries {
			taken, err := s.sample(ctx, e)
			if err != nil {
				return r, fmt.Errorf("%s, round %d, %s: %w", w.name, round+1, e.Name(), err)
			}
			r.Candidates[i].Rounds = append(r.Candidates[i].Rounds, taken)
			first := w.metrics[0]
			fmt.Fprintf(s.progress, "%s %d/%d  %-32s %.*f %s\n",
				w.name, round+1, s.pace.rounds, e.Name(), first.decimals, first.of(taken), first.title)
		}
	}
	r.conclude(w)
	return r, nil
}

// sample starts a candidate, measures it once and ends it.
func (s *session) sample(ctx context.Context, e entry) (sample, error) {
	dir, err := newDir(s.dir)
	if err != nil {
		return sample{}, err
	}
	defer os.RemoveAll(dir)
	i, err := start(ctx, e.candidate, site{dir: dir, upstreams: s.upstreams, self: s.self, tools: s.tools})
	if err != nil {
		return sample{}, err
	}
	defer i.stop()
	taken, err := s.take(ctx, e, i)
	if err != nil {
		return sample{}, fmt.Errorf("%w%s", err, i.lastWords())
	}
	if err := i.ended(); err != nil {
		return sample{}, err
	}
	return taken, s.upstream.ended()
}

// take measures the candidate, and what the machine did besides.
func (s *session) take(ctx context.Context, e entry, i *instance) (sample, error) {
	m, err := newMeter(i.group(), s.upstream.group())
	if err != nil {
		return sample{}, err
	}
	taken, err := e.measure(ctx, i, s.pace)
	if err != nil {
		return sample{}, err
	}
	share, err := m.elsewhere()
	taken.Elsewhere = 100 * share
	return taken, err
}
