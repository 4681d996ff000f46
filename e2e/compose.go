package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// composeTool is a command line: docker-compose 1.29 or the plugin, v2.
type composeTool []string

func (c composeTool) String() string { return strings.Join(c, " ") }

// composeTools gives those this machine has, the older first: it differs most
// from what people try by hand.
func composeTools(ctx context.Context) []composeTool {
	var found []composeTool
	for _, tool := range []composeTool{{"docker-compose"}, {"docker", "compose"}} {
		if exec.CommandContext(ctx, tool[0], append(tool[1:], "version")...).Run() == nil {
			found = append(found, tool)
		}
	}
	return found
}

// project is one compose project.
type project struct {
	tool composeTool
	name string
	file string
	env  []string // besides the process's own
}

// service and composeFile are the part of a compose file the scenarios use.
type service struct {
	Image       string            `json:"image"`
	Command     []string          `json:"command,omitempty"`
	Labels      map[string]string `json:"labels,omitempty"`
	Environment map[string]string `json:"environment,omitempty"`
	Volumes     []string          `json:"volumes,omitempty"`
	Networks    []string          `json:"networks,omitempty"`
	ReadOnly    bool              `json:"read_only,omitempty"`
	CapDrop     []string          `json:"cap_drop,omitempty"`
	CapAdd      []string          `json:"cap_add,omitempty"`
	SecurityOpt []string          `json:"security_opt,omitempty"`
	StopGrace   string            `json:"stop_grace_period,omitempty"`
	Healthcheck *healthcheck      `json:"healthcheck,omitempty"`
}

type healthcheck struct {
	Test     []string `json:"test"`
	Interval string   `json:"interval"`
	Timeout  string   `json:"timeout"`
	Retries  int      `json:"retries"`
}

type composeFile struct {
	Services map[string]service  `json:"services"`
	Networks map[string]struct{} `json:"networks,omitempty"`
}

// write puts the file into folder and gives its path. JSON is YAML.
func (f composeFile) write(folder string) (string, error) {
	text, err := json.MarshalIndent(f, "", "  ")
	if err != nil {
		return "", fmt.Errorf("encoding the compose file: %w", err)
	}
	path := filepath.Join(folder, "compose.json")
	if err := os.WriteFile(path, text, 0o644); err != nil {
		return "", fmt.Errorf("writing the compose file: %w", err)
	}
	return path, nil
}

// run runs one command of the project and gives what it wrote to stdout.
func (p project) run(ctx context.Context, args ...string) (string, error) {
	whole := append(append([]string{}, p.tool[1:]...), "-p", p.name, "-f", p.file)
	command := exec.CommandContext(ctx, p.tool[0], append(whole, args...)...)
	command.Env = append(append(os.Environ(), "DOCKER_BUILDKIT=0", "COMPOSE_DOCKER_CLI_BUILD=0"), p.env...)
	var said strings.Builder
	command.Stderr = &said
	output, err := command.Output()
	if err != nil {
		return string(output), fmt.Errorf("%s %s: %w\n%s", p.tool, strings.Join(args, " "), err, said.String())
	}
	return string(output), nil
}

// scale brings a service to n replicas and touches no other one.
func (p project) scale(ctx context.Context, service string, n int, flags ...string) error {
	args := append([]string{"up", "-d", "--no-deps", "--scale", fmt.Sprintf("%s=%d", service, n)}, flags...)
	_, err := p.run(ctx, append(args, service)...)
	return err
}

// down removes everything of the project, its own images excepted.
func (p project) down(ctx context.Context) error {
	_, err := p.run(ctx, "down", "--volumes", "--remove-orphans", "--timeout", "3")
	return err
}
