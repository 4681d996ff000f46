package cmd

import "testing"

func TestDidYouMean(t *testing.T) {
	known := []string{"http", "https", "entry", "admin", "admin-token", "access-log"}
	for typed, want := range map[string]string{
		"htpp":       "; did you mean --http?",
		"hhtps":      "; did you mean --https?",
		"entyr":      "; did you mean --entry?",
		"admintoken": "; did you mean --admin-token?",
		"acces-log":  "; did you mean --access-log?",
		"xyz":        ".",
		"":           ".",
		"grace":      ".",
	} {
		if got := didYouMean("--", typed, known); got != want {
			t.Errorf("of %q it is said %q, want %q", typed, got, want)
		}
	}
}
