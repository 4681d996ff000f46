package discovery

import (
	"slices"
	"strings"
	"testing"
)

func TestCandidates(t *testing.T) {
	a, b := strings.Repeat("a1", 32), strings.Repeat("b2", 32)
	cases := []struct {
		name string
		in   traces
		want []string
	}{
		{"docker", traces{MountInfo: "650 640 254:0 /var/lib/docker/containers/" + a + "/hostname /etc/hostname rw,relatime - ext4 /dev/vda rw\n"}, []string{a}},
		{"podman", traces{MountInfo: "650 640 0:40 /containers/overlay-containers/" + a + "/userdata/hosts /etc/hosts rw - tmpfs tmpfs rw\n"}, []string{a}},
		{"others' folders are not ours", traces{MountInfo: "650 640 254:0 / /var/lib/docker/containers/" + b + "/mounts/shm rw - tmpfs shm rw\n"}, nil},
		{"cgroup v1", traces{Cgroup: "12:pids:/docker/" + a + "\n11:cpu:/docker/" + a + "\n"}, []string{a}},
		{"cgroup of systemd", traces{Cgroup: "0::/system.slice/docker-" + a + ".scope\n"}, []string{a}},
		{"engine inside a container: the inner id", traces{Cgroup: "4:cpu:/docker/" + b + "/docker/" + a + "\n"}, []string{a}},
		{"private cgroup", traces{Cgroup: "0::/\n"}, nil},
		{"hostname", traces{Hostname: "0123456789ab"}, []string{"0123456789ab"}},
		{"a machine's name", traces{Hostname: "web"}, nil},
		{
			"most trustworthy first", traces{
				MountInfo: "1 2 0:1 /x/" + a + "/resolv.conf /etc/resolv.conf rw - ext4 x rw\n", Cgroup: "1:cpu:/docker/" + b + "\n", Hostname: "0123456789ab",
			}, []string{a, b, "0123456789ab"},
		},
		{"garbage", traces{MountInfo: "x\n\n1 2 3\n", Cgroup: "\n", Hostname: ""}, nil},
	}
	for _, c := range cases {
		if got := c.in.candidates(); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

func TestFindSelf(t *testing.T) {
	mine := running("0123456789abcdef", nil)
	stopped := running("aaaaaaaaaaaabbbb", nil)
	stopped.State = stateExited
	d := newDouble(mine, stopped)
	d.reply = func(id string, _ container) (container, error) {
		for _, c := range [...]container{mine, stopped} {
			if strings.HasPrefix(c.ID, id) || c.Name == id {
				return c, nil
			}
		}
		return container{}, errGone
	}
	cases := []struct {
		name, given string
		in          traces
		found       bool
		fails       bool
	}{
		{name: "confirmed", in: traces{Hostname: "0123456789ab"}, found: true},
		{name: "of another engine", in: traces{Hostname: "cccccccccccc"}},
		{name: "a stopped one cannot be us", in: traces{Hostname: "aaaaaaaaaaaa"}},
		{name: "on a host"},
		{name: "given", given: "0123456789ab", found: true},
		{name: "given, not there", given: "nobody", fails: true},
	}
	for _, c := range cases {
		_, found, err := findSelf(t.Context(), d, c.given, c.in)
		if found != c.found || (err != nil) != c.fails {
			t.Errorf("%s: found %t, error %v", c.name, found, err)
		}
	}
}
