package execute

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/runbook"
)

// resolves asks for a name. Every resolver must give exactly the expected values. As
// a step it asks until they do or the time is over.
func (d *Doer) resolves(ctx context.Context, v runbook.DNSVerify, patient bool) connectors.Outcome {
	for {
		out := lookup(ctx, v)
		if out.State == connectors.Done || !patient {
			return out
		}
		timer := time.NewTimer(2 * time.Second)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return connectors.Outcome{State: connectors.NotDone, Message: out.Message}
		}
	}
}

func lookup(ctx context.Context, v runbook.DNSVerify) connectors.Outcome {
	resolvers := v.Resolvers
	if len(resolvers) == 0 {
		resolvers = []string{""}
	}
	want := slices.Compact(slices.Sorted(slices.Values(plainNames(v.Expect))))
	for _, address := range resolvers {
		got, err := ask(ctx, v, address)
		where := ""
		if address != "" {
			where = " at " + address
		}
		if err != nil {
			return doubt("%s could not be resolved%s: %s", v.Name, where, err)
		}
		if !slices.Equal(got, want) {
			return connectors.Outcome{State: connectors.NotDone, Message: fmt.Sprintf("%s is %s%s, and should be %s", v.Name, strings.Join(got, ", "), where, strings.Join(want, ", "))}
		}
	}
	return connectors.Outcome{State: connectors.Done, Message: fmt.Sprintf("%s is %s", v.Name, strings.Join(want, ", "))}
}

func ask(ctx context.Context, v runbook.DNSVerify, address string) ([]string, error) {
	r := &net.Resolver{}
	if address != "" {
		r.PreferGo = true
		r.Dial = func(ctx context.Context, network, _ string) (net.Conn, error) {
			var dialer net.Dialer
			return dialer.DialContext(ctx, network, address)
		}
	}
	name := strings.TrimSuffix(v.Name, ".") + "." // nothing of this machine is appended
	var got []string
	switch v.Type {
	case "CNAME":
		text, err := r.LookupCNAME(ctx, name)
		if err != nil {
			return nil, err
		}
		got = []string{text}
	default:
		network := "ip4"
		if v.Type == "AAAA" {
			network = "ip6"
		}
		addresses, err := r.LookupNetIP(ctx, network, name)
		if err != nil {
			return nil, err
		}
		for _, a := range addresses {
			got = append(got, a.Unmap().String())
		}
	}
	return slices.Compact(slices.Sorted(slices.Values(plainNames(got)))), nil
}

func plainNames(list []string) []string {
	out := make([]string, len(list))
	for i, text := range list {
		out[i] = strings.ToLower(strings.TrimSuffix(text, "."))
	}
	return out
}
