package labels

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// How many bytes a Problem shows of a key or value, and of its own reason, into
// which a part of the value may have come.
const (
	maxShown  = 80
	maxReason = 400
)

// String is the Problem as one line: `rota.prot "80": is no option (nearest:
// rota.port)`.
func (p Problem) String() string {
	text := p.Label + " " + quoted(p.Value) + ": " + p.Reason
	if p.Nearest != "" {
		text += " (nearest: " + p.Nearest + ")"
	}
	return text
}

// problem reports on a label. The value is left out where it may be a secret.
func (l label) problem(reason, nearest string) Problem {
	value := Printable(l.value, maxShown)
	if l.secret() {
		value = "…"
	}
	p := Problem{
		Label:   Printable(l.key, maxShown),
		Value:   value,
		Reason:  Printable(reason, maxReason),
		Nearest: Printable(nearest, maxShown),
		At:      l.at,
		Key:     l.key,
	}
	if nearest != "" {
		p.Fix = "write " + p.Nearest
	}
	return p
}

// wrongValue reports on a label whose value its option does not take.
func (l label) wrongValue(err error) Problem {
	reason, nearest := l.explain(err)
	p := l.problem(reason, nearest)
	r, _ := err.(refusal)
	p.OfValue = l.option.Available() && !r.elsewhere
	switch {
	case nearest != "" && r.item == "" && !r.elsewhere:
		p.Fix = "write " + p.Label + ": " + quoted(p.Nearest)
	case nearest == "" && l.option.Available():
		p.Fix = "for example " + p.Label + ": " + quoted(l.option.Example)
	}
	return p
}

// explain puts an error into words. Pieces of a value that may be a secret are
// left out.
func (l label) explain(err error) (reason, right string) {
	r, isRefusal := err.(refusal)
	switch {
	case !isRefusal:
		return err.Error(), ""
	case l.secret():
		return r.reason, ""
	case r.item != "":
		return quote(r.item) + " " + r.reason, r.nearest
	}
	return r.reason, r.nearest
}

// secretWords mark keys, right or mistyped, whose values nobody is to read in a
// log; secretValues mark the values themselves.
var (
	secretWords  = [...]string{"auth", "basic", "secret", "passw", "token", "credential", "jwt", "oidc"}
	secretValues = [...]string{"$2a$", "$2b$", "$2y$", "$argon2", "$apr1$", "$1$", "$5$", "$6$", "{SHA}"}
)

// secret says whether the value may be one. It rather hides too much.
func (l label) secret() bool {
	return l.option == nil && l.spoils == Access || MayBeSecret(l.key, l.value)
}

// MayBeSecret says of any key and its value whether the value may be a password,
// a hash of one or a token. It rather hides too much.
func MayBeSecret(key, value string) bool {
	key = strings.ToLower(key)
	for _, word := range secretWords {
		if strings.Contains(key, word) {
			return true
		}
	}
	for _, mark := range secretValues {
		if strings.Contains(value[:min(len(value), MaxValue)], mark) {
			return true
		}
	}
	return false
}

// Printable is s fit for a terminal and of a readable length: what is no
// printable character is shown as an escape, what is too long is cut.
func Printable(s string, most int) string {
	var b strings.Builder
	for i, r := range s {
		if b.Len() >= most {
			b.WriteString("…")
			break
		}
		switch {
		case r == utf8.RuneError && !strings.HasPrefix(s[i:], string(utf8.RuneError)):
			b.WriteString(`\x` + strconv.FormatUint(uint64(s[i])+0x100, 16)[1:])
		case unicode.IsPrint(r):
			b.WriteRune(r)
		default:
			b.WriteString(strings.Trim(strconv.QuoteRune(r), "'"))
		}
	}
	return b.String()
}

// quote is a piece of a key or value within a sentence.
func quote(s string) string { return quoted(Printable(s, maxShown)) }

// quoted puts what is printable already between quotes, so that no quote of its
// own can end it early. Backslashes stay as they are: they are usual in regular
// expressions, and people compare with what they typed.
func quoted(s string) string { return `"` + strings.ReplaceAll(s, `"`, `\"`) + `"` }
