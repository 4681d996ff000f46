package cmd

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/rota-proxy/rota/internal/spelling"
)

// variablePrefix starts the name of every environment variable that is ours.
const variablePrefix = "ROTA_"

// environment is the variables of the process, in the form of os.Environ.
// It is handed on rather than asked for, so that two programs in one test
// process can have different ones.
type environment []string

// lookup is the value of a variable and whether it is set. Of a name that
// appears twice the last counts, as it does for a shell.
func (e environment) lookup(name string) (string, bool) {
	for _, line := range slices.Backward(e) {
		if key, value, ok := strings.Cut(line, "="); ok && key == name {
			return value, true
		}
	}
	return "", false
}

// get is the value of a variable, empty when it is not set.
func (e environment) get(name string) string {
	value, _ := e.lookup(name)
	return value
}

// variableOf is the environment twin of a flag: `admin-token` is
// ROTA_ADMIN_TOKEN.
func variableOf(flag string) string {
	return variablePrefix + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// hasVariable says whether a flag has an environment twin. Every flag of ours
// has one, but for those that say otherwise; help is cobra's.
func hasVariable(flag *pflag.Flag) bool {
	return flag.Name != "help" && note(flag, annotationNoVariable) == ""
}

// applyTo gives the flags that were not typed the values of their variables.
// A variable that is set and empty is a value: ROTA_HTTP= turns HTTP off.
func (e environment) applyTo(flags *pflag.FlagSet) error {
	var failed error
	flags.VisitAll(func(flag *pflag.Flag) {
		if failed != nil || flag.Changed || !hasVariable(flag) {
			return
		}
		name := variableOf(flag.Name)
		value, ok := e.lookup(name)
		if !ok {
			return
		}
		if err := flag.Value.Set(value); err != nil {
			failed = badValue(name, name+"=", value, flag, err)
		}
	})
	return failed
}

// unknown lists the variables that look like ours and belong to no flag of any
// command, each with the nearest one that does.
func (e environment) unknown(root *cobra.Command) []unknownVariable {
	known := variablesOf(root)
	var found []unknownVariable
	for _, line := range e {
		name, _, _ := strings.Cut(line, "=")
		if strings.HasPrefix(name, variablePrefix) && !slices.Contains(known, name) {
			found = append(found, unknownVariable{name: name, nearest: nearestVariable(name, known)})
		}
	}
	return found
}

// nearestVariable compares what follows the prefix: that all have it in common
// makes no two names alike.
func nearestVariable(name string, known []string) string {
	var words []string
	for _, k := range known {
		words = append(words, strings.TrimPrefix(k, variablePrefix))
	}
	if word := spelling.Nearest(strings.TrimPrefix(name, variablePrefix), words); word != "" {
		return variablePrefix + word
	}
	return ""
}

type unknownVariable struct{ name, nearest string }

// variablesOf are the twins of the flags of a command and of all below it,
// sorted and without doubles.
func variablesOf(command *cobra.Command) []string {
	var names []string
	command.Flags().VisitAll(func(flag *pflag.Flag) {
		if hasVariable(flag) {
			names = append(names, variableOf(flag.Name))
		}
	})
	for _, child := range command.Commands() {
		names = append(names, variablesOf(child)...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}
