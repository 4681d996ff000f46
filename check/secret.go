package check

import (
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/rota-proxy/rota/discovery"
)

// secretKey is the last word of a label that holds a password or a token.
var secretKey = regexp.MustCompile(`(?i)(^|[._-])(password|passwd|secret|token|api-?key|credentials?)$`)

// secretReference stands in a label in place of a secret that is in a file.
const secretReference = "secret:"

// checkSecrets notes passwords in labels. Whoever may ask the engine can read
// them, and much of what is written about containers repeats labels.
func (c *composeCheck) checkSecrets(s planned) {
	for _, key := range slices.Sorted(maps.Keys(s.Labels)) {
		why := plainSecret(key, s.Labels[key], c.ours(key))
		if why == "" {
			continue
		}
		r := discovery.Reason{
			Code: CodePlainSecret, Severity: discovery.Warning,
			Text: fmt.Sprintf("%s holds %s: whoever can ask the engine can read it", key, why),
			Fix:  "put it into a file that only the container gets, by secrets:",
		}
		if c.ours(key) {
			r.Severity = discovery.Error
		}
		if strings.HasSuffix(key, "auth.basic") {
			r.Fix = "write the hash of it: htpasswd -nB NAME, each $ doubled"
		}
		c.add(c.labelPlace(s, key, true), s.Service, r)
	}
}

// plainSecret says what secret a label holds, or "".
func plainSecret(key, value string, ours bool) string {
	switch {
	case value == "" || strings.HasPrefix(value, secretReference):
	case ours && strings.HasSuffix(key, "auth.basic"):
		if hasPlainPassword(value) {
			return "a password"
		}
	case secretKey.MatchString(key) && !hash.MatchString(value):
		return "what looks like a password or token"
	case ours && hasUserInfo(value):
		return "a URL with a password in it"
	}
	return ""
}

// hasPlainPassword says whether one of the entries `name:hash` holds no hash.
func hasPlainPassword(value string) bool {
	return slices.ContainsFunc(strings.Split(value, ","), func(entry string) bool {
		name, password, found := strings.Cut(strings.TrimSpace(entry), ":")
		if !found || name == "secret" {
			return false
		}
		return password != "" && !strings.HasPrefix(password, "$") && !strings.HasPrefix(password, "{")
	})
}

func hasUserInfo(value string) bool {
	u, err := url.Parse(strings.TrimSpace(value))
	if err != nil || u.User == nil {
		return false
	}
	_, given := u.User.Password()
	return given
}
