package cmd

import (
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/rota-proxy/rota/admin"
)

const versionName = "version"

func newVersionCommand() *cobra.Command {
	asJSON := false
	command := &cobra.Command{
		Use:   versionName + " [flags]",
		Short: "Print the version of this program",
		Args:  noArguments,
		RunE: func(command *cobra.Command, _ []string) error {
			return printVersion(command.OutOrStdout(), buildVersion(), asJSON)
		},
	}
	addSwitch(command.Flags(), &asJSON, "json", flagText{help: "Print JSON."})
	return command
}

func printVersion(out io.Writer, version admin.Version, asJSON bool) error {
	if asJSON {
		return printJSON(out, version)
	}
	_, err := fmt.Fprintln(out, versionLine(version))
	return err
}

// versionLine is a version in one line: `rota v1.2.3 (4f2a91c), go1.26.8,
// linux/amd64`.
func versionLine(v admin.Version) string {
	source := ""
	if v.Revision != "" {
		source = " (" + shortRevision(v) + ")"
	}
	return fmt.Sprintf("rota %s%s, %s, %s", v.Version, source, v.Go, v.Platform)
}

func shortRevision(v admin.Version) string {
	revision := v.Revision[:min(len(v.Revision), 12)]
	if v.Modified {
		revision += ", modified"
	}
	return revision
}

// buildVersion is what the Go toolchain wrote into this program.
func buildVersion() admin.Version {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		info = &debug.BuildInfo{}
	}
	return versionOf(info)
}

func versionOf(info *debug.BuildInfo) admin.Version {
	version := admin.Version{
		Version:  info.Main.Version,
		Go:       runtime.Version(),
		Platform: runtime.GOOS + "/" + runtime.GOARCH,
	}
	if version.Version == "" || version.Version == "(devel)" {
		version.Version = "devel"
	}
	for _, setting := range info.Settings {
		switch setting.Key {
		case "vcs.revision":
			version.Revision = setting.Value
		case "vcs.time":
			version.Time = setting.Value
		case "vcs.modified":
			version.Modified = setting.Value == "true"
		}
	}
	return version
}

func printJSON(out io.Writer, value any) error {
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	return encoder.Encode(value)
}
