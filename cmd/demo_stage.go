package cmd

import (
	"context"
	"fmt"
	"maps"
	"strings"

	"github.com/rs/zerolog"

	"github.com/rota-proxy/rota/internal/standin"
	"github.com/rota-proxy/rota/internal/whoami"
)

// stage is where a demo's replicas live. Replicas have the names whoami-1 and
// so on; each name is in use once at a time. It is used by one goroutine.
type stage interface {
	// host is where the Watcher finds the engine.
	host() string
	// create makes a replica and starts it.
	create(ctx context.Context, replica string) error
	// remove lets a replica finish what it does, then removes it.
	remove(ctx context.Context, replica string) error
	// kill ends a replica without warning; revive starts it again.
	kill(ctx context.Context, replica string) error
	revive(ctx context.Context, replica string) error
	// clear removes everything the demo made, and says what that was.
	clear(ctx context.Context) (removed []string, err error)
}

// chooseStage takes the engine that answers, else the stand-in, and says which.
func chooseStage(ctx context.Context, o demoOptions, id demoID, folder *demoFolder, say func(string, ...any)) (stage, error) {
	if o.standIn {
		say("A stand-in takes the engine's place: the replicas are servers inside this process.")
		return newStandInStage(id, folder)
	}
	engine, err := newEngineStage(ctx, id, folder, say)
	if err == nil {
		return engine, nil
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	why := printable(err.Error())
	say("%s; a stand-in takes its place: the replicas are servers inside this process.", strings.ToUpper(why[:1])+why[1:])
	return newStandInStage(id, folder)
}

// standInStage is the stage inside this process.
type standInStage struct {
	id     demoID
	engine *standin.Engine
	made   int
}

func newStandInStage(id demoID, folder *demoFolder) (stage, error) {
	dir, err := folder.dir()
	if err != nil {
		return nil, err
	}
	engine, err := standin.New(dir, zerolog.Nop())
	if err != nil {
		return nil, err
	}
	return &standInStage{id: id, engine: engine}, nil
}

func (s *standInStage) host() string { return s.engine.Host() }

func (s *standInStage) create(_ context.Context, replica string) error {
	labels := s.id.ownership()
	maps.Copy(labels, s.id.routing())
	id, err := s.engine.Create(standin.Replica{
		Name: s.id.container(replica), Calls: replica, Image: s.id.image(), Labels: labels, PortLabel: s.id.portLabel(),
		Leave: whoami.Leave{},
	})
	if err != nil {
		return fmt.Errorf("creating %s: %w", replica, err)
	}
	s.made++
	return s.engine.Start(id)
}

func (s *standInStage) remove(ctx context.Context, replica string) error {
	name := s.id.container(replica)
	if err := s.engine.Stop(ctx, name); err != nil {
		return err
	}
	return s.engine.Remove(ctx, name, true)
}

func (s *standInStage) kill(ctx context.Context, replica string) error {
	return s.engine.Kill(ctx, s.id.container(replica), "KILL")
}

func (s *standInStage) revive(_ context.Context, replica string) error {
	return s.engine.Start(s.id.container(replica))
}

func (s *standInStage) clear(context.Context) ([]string, error) {
	return []string{counted(s.made, "stand-in replica"), "the stand-in engine and its socket"}, s.engine.Close()
}

// counted is `1 container`, `3 containers`.
func counted(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
