package cmd

import (
	"fmt"

	"github.com/rota-proxy/rota/internal/spelling"
)

// didYouMean ends a sentence about a word nobody knows: with a question that
// names the nearest known one, prefix in front of it, or just so.
func didYouMean(prefix, typed string, known []string) string {
	if near := spelling.Nearest(typed, known); near != "" {
		return fmt.Sprintf("; did you mean %s%s?", prefix, near)
	}
	return "."
}
