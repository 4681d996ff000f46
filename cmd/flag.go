package cmd

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// flagText is what people read about a flag, in the help text and when its
// value is wrong.
type flagText struct {
	group       string // heading in the help text
	shorthand   string // one letter, or empty
	placeholder string // what stands for the value: ADDRESS
	help        string // one sentence
	shown       string // the default in words, where its text alone would not say it
	example     string // a right value
	secret      bool   // the value is never repeated in a message
}

// The annotations under which a pflag.Flag carries its flagText.
const (
	annotationGroup       = "rota-group"
	annotationPlaceholder = "rota-placeholder"
	annotationShown       = "rota-default"
	annotationExample     = "rota-example"
	annotationSecret      = "rota-secret"
	annotationNoVariable  = "rota-no-variable"
)

// addFlag defines a flag whose default is what value holds now.
func addFlag(flags *pflag.FlagSet, name string, value pflag.Value, text flagText) *pflag.Flag {
	flag := flags.VarPF(value, name, text.shorthand, text.help)
	annotate(flag, annotationGroup, text.group)
	annotate(flag, annotationPlaceholder, text.placeholder)
	annotate(flag, annotationShown, text.shown)
	annotate(flag, annotationExample, text.example)
	if text.secret {
		annotate(flag, annotationSecret, "true")
	}
	return flag
}

// addSwitch defines a flag that is off unless it is named.
func addSwitch(flags *pflag.FlagSet, into *bool, name string, text flagText) {
	text.example = "true"
	addFlag(flags, name, flagValue(into, "false", parseSwitch), text).NoOptDefVal = "true"
}

func annotate(flag *pflag.Flag, annotation, text string) {
	if flag.Annotations == nil {
		flag.Annotations = map[string][]string{}
	}
	if text != "" {
		flag.Annotations[annotation] = []string{text}
	}
}

func note(flag *pflag.Flag, annotation string) string {
	if notes := flag.Annotations[annotation]; len(notes) > 0 {
		return notes[0]
	}
	return ""
}

// parsed is a flag whose text becomes a T the moment it is set, so that a wrong
// one is refused with the name under which it was given.
type parsed[T any] struct {
	into  *T
	parse func(string) (T, error)
	text  string
}

// flagValue makes a flag of into; initial is its default as text and must be
// right.
func flagValue[T any](into *T, initial string, parse func(string) (T, error)) *parsed[T] {
	value := &parsed[T]{into: into, parse: parse}
	if err := value.Set(initial); err != nil {
		panic(fmt.Sprintf("BUG: the default %q of a flag is refused: %v", initial, err))
	}
	return value
}

func (p *parsed[T]) Set(text string) error {
	value, err := p.parse(text)
	if err != nil {
		return err
	}
	*p.into, p.text = value, text
	return nil
}

func (p *parsed[T]) String() string { return p.text }

// Type is what pflag asks for; "bool" lets it be given without a value.
func (p *parsed[T]) Type() string {
	if _, ok := any(p.into).(*bool); ok {
		return "bool"
	}
	return "value"
}

// list is a flag that may be given several times and holds a comma-separated
// list each time, so that its variable can hold as much as the flags together.
type list[T any] struct {
	into  *[]T
	parse func(string) (T, error)
	text  []string
}

func (l *list[T]) Set(text string) error {
	for item := range strings.SplitSeq(text, ",") {
		item = strings.TrimSpace(item)
		if item == "" {
			continue
		}
		value, err := l.parse(item)
		if err != nil {
			return err
		}
		*l.into, l.text = append(*l.into, value), append(l.text, item)
	}
	return nil
}

func (l *list[T]) String() string { return strings.Join(l.text, ",") }
func (l *list[T]) Type() string   { return "list" }

// explainFlagError turns pflag's errors into ours: what is wrong, and what
// would be right.
func explainFlagError(command *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	var missing *pflag.ValueRequiredError
	var invalid *pflag.InvalidValueError
	switch {
	case errors.As(err, &unknown):
		return unknownFlag(command, unknown)
	case errors.As(err, &missing):
		flag := missing.GetFlag()
		return usageErrorf("--%s needs a value%s", flag.Name, rightWouldBe("--"+flag.Name+" ", note(flag, annotationExample)))
	case errors.As(err, &invalid):
		flag := invalid.GetFlag()
		return badValue("--"+flag.Name, "--"+flag.Name+" ", invalid.GetValue(), flag, invalid.Unwrap())
	}
	return usageErrorf("%w; see %s --help", err, command.CommandPath())
}

func unknownFlag(command *cobra.Command, unknown *pflag.NotExistError) error {
	if shorts := unknown.GetSpecifiedShortnames(); shorts != "" {
		return usageErrorf("there is no flag -%s. See %s --help", shorts, command.CommandPath())
	}
	var names []string
	command.Flags().VisitAll(func(flag *pflag.Flag) { names = append(names, flag.Name) })
	name := unknown.GetSpecifiedName()
	return usageErrorf("there is no flag --%s%s See %s --help",
		name, didYouMean("--", name, names), command.CommandPath())
}

// badValue says that the flag or variable called name has a wrong value; given
// is how an example of a right one begins.
func badValue(name, given, value string, flag *pflag.Flag, reason error) error {
	shown := fmt.Sprintf("%q", value)
	if note(flag, annotationSecret) != "" {
		shown = "(not shown)"
	}
	example := note(flag, annotationExample)
	var unknown unknownWord
	if errors.As(reason, &unknown) && unknown.nearest != "" {
		example = unknown.nearest
	}
	return usageErrorf("%s %s: %s%s", name, shown, plainReason(reason), rightWouldBe(given, example))
}

// plainReason drops the names of Go functions from the errors of strconv.
func plainReason(reason error) string {
	var number *strconv.NumError
	if errors.As(reason, &number) {
		return number.Err.Error()
	}
	return reason.Error()
}

func rightWouldBe(given, example string) string {
	if example == "" {
		return ""
	}
	return "; right would be " + given + example
}
