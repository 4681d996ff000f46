package cmd

import (
	"crypto/x509"
	"encoding/pem"
	"path/filepath"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/rota-proxy/rota/proxy/certs"
)

const rootName = "root"

func newRootPEMCommand(env environment) *cobra.Command {
	command := &cobra.Command{
		Use:   rootName + " [flags]",
		Short: "Print the root certificate of the internal authority",
		Long: `Print the root certificate of the internal authority, which signs for Targets with the label tls: internal, in the PEM form.

It is made if there is none yet. Programs that are given it accept these Targets: curl --cacert. rota trust gives it to this machine.`,
		Example: "rota root > root.pem\ncurl --cacert root.pem https://whoami.localhost",
		Args:    noArguments,
	}
	data := bindData(command.Flags())
	command.RunE = func(command *cobra.Command, _ []string) error {
		root, err := certs.NewAuthority(authorityFolder(*data, env)).Root()
		if err != nil {
			return err
		}
		return pem.Encode(command.OutOrStdout(), blockOf(root))
	}
	return command
}

func blockOf(certificate *x509.Certificate) *pem.Block {
	return &pem.Block{Type: "CERTIFICATE", Bytes: certificate.Raw}
}

// bindData defines the flag by which a command finds the folder of a proxy.
func bindData(flags *pflag.FlagSet) *string {
	data := new(string)
	addFlag(flags, "data", flagValue(data, "", parseText), flagText{
		group: groupFiles, placeholder: "DIR", example: "/var/lib/rota", shown: dataDefaultInWords,
		help: "The data folder of the rota whose authority it is.",
	})
	return data
}

// authorityFolder is where the internal authority keeps its root.
func authorityFolder(data string, env environment) string {
	return filepath.Join(dataFolder(data, env, inContainer()), "authority")
}
