package check

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/template"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/rota-proxy/rota/discovery"
	"github.com/sirupsen/logrus"
)

// Compose checks the services of one compose project: what its files say together,
// the later over the earlier. Without files they are found as compose does. An
// error is about the call: files that do not exist, wrong options.
func Compose(ctx context.Context, o Options, files []string) (Report, error) {
	c, err := newComposeCheck(o, files)
	if err != nil {
		return Report{}, err
	}
	if c.readFiles() {
		if project := c.load(ctx); project != nil {
			if err := c.checkProject(project); err != nil {
				return Report{}, err
			}
		}
	}
	return c.report(c.files.names(), c.services), nil
}

// composeCheck is one run over a project.
type composeCheck struct {
	found
	options  Options
	project  *cli.ProjectOptions
	files    *composeFiles
	services int
	// everybody is all services, enabled or not.
	everybody types.Services
	// unset are the labels, by service, that hold a variable without which compose
	// goes no further: there is no value to judge.
	unset map[string]map[string]bool
}

func newComposeCheck(o Options, files []string) (*composeCheck, error) {
	// compose-go writes to logrus's only logger what is said here better.
	logrus.SetOutput(io.Discard)
	for _, path := range files {
		if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
			return nil, notAFile(path, err)
		}
	}
	folder, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	c := &composeCheck{options: o, files: newComposeFiles(folder), unset: map[string]map[string]bool{}}
	c.project, err = cli.NewProjectOptions(files,
		cli.WithEnv(o.Environ), cli.WithConfigFileEnv, cli.WithDefaultConfigPath, cli.WithEnvFiles(), cli.WithDotEnv,
		cli.WithDefaultProfiles(o.Profiles...), cli.WithLoadOptions(lenient))
	if err == nil && len(c.project.ConfigPaths) == 0 {
		err = errors.New("there is no compose file in this folder or above it; name one, or - for labels on standard input")
	}
	return c, err
}

func notAFile(path string, err error) error {
	switch {
	case err == nil:
		return errors.New(printable(path) + " is no regular file")
	case errors.Is(err, os.ErrNotExist):
		return errors.New("there is no file " + printable(path))
	}
	return err
}

// lenient lets compose-go go on where a variable cannot be put in: the text stays
// as it is, and what is wrong with it is found in the files.
func lenient(o *loader.Options) {
	if o.Interpolate == nil {
		return // it is asked about the files alone
	}
	o.Interpolate.Substitute = func(text string, mapping template.Mapping) (string, error) {
		replaced, err := template.SubstituteWithOptions(text, mapping, template.WithoutLogging)
		if err != nil {
			return text, nil
		}
		return replaced, nil
	}
}

// readFiles reads the files for their places and says whether they are YAML.
func (c *composeCheck) readFiles() bool {
	good := true
	for _, path := range c.project.ConfigPaths {
		text, err := os.ReadFile(path)
		if err != nil {
			c.add(place{source: newSource(path, nil)}, "", badFile(err.Error(), ""))
			good = false
			continue
		}
		if err := c.files.add(path, c.files.nameOf(path), text); err != nil {
			c.addFault(c.files.sources[len(c.files.sources)-1], err)
			good = false
		}
	}
	return good
}

// badFile is the Reason of a file that cannot be used.
func badFile(text, fix string) discovery.Reason {
	return discovery.Reason{Code: CodeBadFile, Severity: discovery.Error, Text: text, Fix: fix}
}

// addFault notes why a source is no YAML.
func (f *found) addFault(s *source, err error) {
	fault := discovery.ExplainYAML(err, s.text)
	if errors.Is(err, errEmpty) {
		fault.Text = err.Error()
	}
	f.add(s.position(fault.At), "", badFile(fault.Text, ""))
}

// load is the project as compose understands it. What compose would refuse is
// noted, and once more tried without its checks: labels can be judged all the same.
func (c *composeCheck) load(ctx context.Context) *types.Project {
	project, err := c.project.LoadProject(ctx)
	if err == nil {
		return project
	}
	c.refused(err)
	again, err := cli.NewProjectOptions(c.project.ConfigPaths,
		cli.WithEnv(c.options.Environ), cli.WithEnvFiles(), cli.WithDotEnv, cli.WithDefaultProfiles(c.options.Profiles...),
		cli.WithConsistency(false), cli.WithoutEnvironmentResolution, cli.WithoutLabelsResolution,
		cli.WithLoadOptions(lenient, loader.WithSkipValidation))
	if err != nil {
		return nil
	}
	project, err = again.LoadProject(ctx)
	if err != nil {
		return nil
	}
	return project
}

// How compose-go's errors name what they are about.
var (
	composePath    = regexp.MustCompile(`\b((?:services|networks|volumes|include)\.\S+?):?(?:\s|$)`)
	composeService = regexp.MustCompile(`\bservice "?([a-zA-Z0-9._-]+)"?`)
	composeTwice   = regexp.MustCompile(`line (\d+): mapping key (".*") already defined at line (\d+)`)
	composeYAML    = regexp.MustCompile(`^failed to parse .*: go-yaml load error in .* at L(\d+)\.C(\d+): `)
	composeNoise   = regexp.MustCompile(`^validating [^:]+: |: invalid compose project$`)
)

// onlyOneName is said of a service with a name and several containers, which is
// said here as well, and better.
const onlyOneName = "container name must be unique"

// refused notes why compose would not take the files.
func (c *composeCheck) refused(err error) {
	text := composeNoise.ReplaceAllString(strings.ReplaceAll(err.Error(), c.files.folder+"/", ""), "")
	at := c.files.whole()
	if path := composePath.FindStringSubmatch(text); path != nil {
		at = c.files.at(path[1])
		if strings.HasSuffix(text, "false schema") {
			text = path[1] + " is nothing that compose knows"
		}
	} else if service := composeService.FindStringSubmatch(text); service != nil {
		at = c.files.service(service[1])
	} else if twice := composeTwice.FindStringSubmatch(text); twice != nil {
		at, text = at.source.lineAt(twice[1]), fmt.Sprintf("%s is there twice, first in line %s", twice[2], twice[3])
	} else if place := composeYAML.FindStringSubmatch(text); place != nil {
		at, text = at.source.lineAt(place[1]), text[len(place[0]):]
	}
	if strings.Contains(text, onlyOneName) {
		return
	}
	for line := range strings.SplitSeq(strings.TrimSpace(text), "\n") {
		c.add(at, "", badFile("compose refuses it: "+line, ""))
	}
}

// names are the files, in the order in which they count.
func (c *composeFiles) names() []string {
	var all []string
	for _, s := range c.sources {
		all = append(all, s.name)
	}
	return all
}
