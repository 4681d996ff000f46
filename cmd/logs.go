package cmd

import (
	"io"
	"time"

	"github.com/rs/zerolog"
)

// newLog is rota's own log, on standard error.
func newLog(c logConfig, stderr io.Writer, env environment) zerolog.Logger {
	level, err := zerolog.ParseLevel(c.level)
	if err != nil {
		panic("BUG: a log level that was checked is unknown: " + c.level)
	}
	return newLogger(c.format, stderr, env).Level(level)
}

// newAccessLog is the log of requests, on standard output; nil when it is off.
func newAccessLog(c logConfig, stdout io.Writer, env environment) *zerolog.Logger {
	if c.access == formatOff {
		return nil
	}
	log := newLogger(c.access, stdout, env, zerolog.LevelFieldName)
	return &log
}

// newLogger writes json or console lines, each at once; with no format given,
// console when a person is looking. absent are the parts that its lines do not
// have: a console line would show a mark in their place.
func newLogger(format string, out io.Writer, env environment, absent ...string) zerolog.Logger {
	terminal := isTerminal(out)
	if format == formatConsole || format == "" && terminal {
		_, plain := env.lookup("NO_COLOR")
		out = zerolog.ConsoleWriter{Out: out, TimeFormat: time.TimeOnly, NoColor: plain || !terminal, PartsExclude: absent}
	}
	return zerolog.New(zerolog.SyncWriter(out)).With().Timestamp().Logger()
}
