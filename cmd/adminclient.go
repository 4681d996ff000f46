package cmd

import (
	"errors"
	"fmt"

	"github.com/spf13/pflag"

	"github.com/rota-proxy/rota/admin"
)

// adminFlags are how commands find the running proxy they ask.
type adminFlags struct{ addr, token, data string }

func bindAdminFlags(flags *pflag.FlagSet) *adminFlags {
	a := &adminFlags{}
	addFlag(flags, "admin", flagValue(&a.addr, "", parseAddressOrOff), flagText{
		group: groupAdmin, placeholder: "ADDRESS", example: defaultAdmin,
		shown: "what the running rota left in its data folder, else " + defaultAdmin,
		help:  "The admin listener of the rota to ask.",
	})
	addFlag(flags, "admin-token", flagValue(&a.token, "", parseToken), flagText{
		group: groupAdmin, placeholder: "TOKEN", shown: "none", secret: true,
		help: "The token of that listener, if it has one.",
	})
	addFlag(flags, "data", flagValue(&a.data, "", parseText), flagText{
		group: groupAdmin, placeholder: "DIR", example: "/var/lib/rota", shown: dataDefaultInWords,
		help: "The data folder of that rota.",
	})
	return a
}

// found is an admin listener and how it was come by.
type found struct {
	addr, by string
	client   *admin.Client
}

// find picks the listener: what was typed or set, what the running proxy left
// behind, the default.
func (a *adminFlags) find(env environment) found {
	addr, by := a.locate(env)
	return found{addr: addr, by: by, client: admin.NewClient(addr, a.token)}
}

func (a *adminFlags) locate(env environment) (addr, by string) {
	if a.addr != "" {
		return a.addr, "as given by --admin or ROTA_ADMIN"
	}
	left := whereaboutsIn(dataFolder(a.data, env, inContainer()))
	addr, ok, err := left.read()
	if err == nil && ok {
		return addr, fmt.Sprintf("as left by a running rota in %s", left)
	}
	if err != nil {
		return defaultAdmin, fmt.Sprintf("the default, because of a failure %v", err)
	}
	return defaultAdmin, "the default"
}

// explain says what to do about a proxy that does not answer.
func (f found) explain(err error) error {
	if errors.Is(err, admin.ErrUnauthorized) {
		return fmt.Errorf("%s: %w; give the one that rota serve has by --admin-token or ROTA_ADMIN_TOKEN", f.addr, err)
	}
	return fmt.Errorf("no rota answers at %s (%s): %w\n"+
		"Is `rota serve` running, and here? In compose: docker compose exec rota rota ps. "+
		"Elsewhere: --admin ADDRESS", f.addr, f.by, err)
}
