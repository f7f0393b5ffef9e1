package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/bcctl/bcctl/internal/lab"
	"github.com/bcctl/bcctl/internal/lab/pgpair"
	"github.com/bcctl/bcctl/pkg/config"
)

// pairSystem is the name of the PostgreSQL pair in a fleet.
const pairSystem = "ledger"

// labSystem is a system of a laboratory with what can be broken in it.
type labSystem struct {
	name, platform string
	faults         []lab.Fault
}

func thePair() labSystem { return labSystem{pairSystem, "postgresql", pgpair.Faults()} }

// labSystems lists the systems of the laboratory that is up; without one, the pair,
// so that a person sees what there will be.
func (a *app) labSystems(ctx context.Context, dir string) []labSystem {
	l, err := a.openLab(dir)
	if err != nil {
		return []labSystem{thePair()}
	}
	systems, err := l.systems(ctx)
	if err != nil {
		return []labSystem{thePair()}
	}
	return systems
}

func (l laboratory) systems(ctx context.Context) ([]labSystem, error) {
	all := []labSystem{thePair()}
	if l.fleet == nil {
		return all, nil
	}
	systems, err := l.fleet.Systems(ctx)
	if err != nil {
		return nil, err
	}
	for _, s := range systems {
		all = append(all, labSystem{s.Name, s.Platform, s.Faults})
	}
	return all, nil
}

func (s labSystem) has(fault string) bool {
	return slices.ContainsFunc(s.faults, func(f lab.Fault) bool { return f.Name == fault })
}

func findSystem(all []labSystem, name string) (labSystem, bool) {
	i := slices.IndexFunc(all, func(s labSystem) bool { return s.name == name })
	if i < 0 {
		return labSystem{}, false
	}
	return all[i], true
}

// wholeSystem tells whether text means a system and none of its faults: orders, orders/.
func wholeSystem(all []labSystem, text string) (labSystem, bool) {
	name, fault, _ := strings.Cut(text, "/")
	if fault != "" || thePair().has(text) {
		return labSystem{}, false
	}
	return findSystem(all, name)
}

// target splits system/fault. Without a system it is the PostgreSQL pair's.
func target(text string) (system, fault string) {
	system, fault, found := strings.Cut(text, "/")
	if !found {
		return pairSystem, text
	}
	return system, fault
}

// knownFault refuses what no system has, and says what may have been meant.
func knownFault(all []labSystem, text string) error {
	name, fault := target(text)
	s, ok := findSystem(all, name)
	if !ok {
		var names []string
		for _, s := range all {
			names = append(names, s.name)
		}
		message := fmt.Sprintf("no system %q; there are %s", name, strings.Join(names, ", "))
		if len(all) == 1 {
			return fail(exitFailed, fmt.Errorf("%s alone", strings.Replace(message, "there are", "there is", 1)), "bcctl lab up --fleet starts more")
		}
		return fail(exitFailed, errors.New(message), "bcctl lab break lists them")
	}
	if s.has(fault) {
		return nil
	}
	message := fmt.Sprintf("no fault %q of %s", fault, name)
	if near := likeFault(all, s, fault); near != "" {
		message += fmt.Sprintf("; did you mean %q?", near)
	}
	return fail(exitFailed, errors.New(message), fmt.Sprintf("bcctl lab break %s/ lists them", name))
}

// likeFault looks for a similar fault of the same system, else for the same one of another.
func likeFault(all []labSystem, s labSystem, fault string) string {
	var names []string
	for _, f := range s.faults {
		names = append(names, f.Name)
	}
	if near := config.Nearest(fault, names); near != "" {
		return s.name + "/" + near
	}
	for _, other := range all {
		if other.has(fault) {
			return other.name + "/" + fault
		}
	}
	return ""
}

// listSystems shows where faults can be put in. All of a fleet are hundreds of lines.
func (a *app) listSystems(all []labSystem) {
	t := tabwriter.NewWriter(a.Stdout, 0, 8, 2, ' ', 0)
	fmt.Fprintln(t, "SYSTEM\tPLATFORM\tFAULTS\tLISTED BY\tSUCH AS")
	for _, s := range all {
		fmt.Fprintf(t, "%s\t%s\t%d\tbcctl lab break %s/\tbcctl lab break %s/%s\n", s.name, s.platform, len(s.faults), s.name, s.name, s.faults[0].Name)
	}
	_ = t.Flush() // the writer's error shows at the next write
}

// listFaults shows what can be broken in one system. A fault that cannot be repaired
// says so.
func (a *app) listFaults(s labSystem, prefix string) {
	t := tabwriter.NewWriter(a.Stdout, 0, 8, 2, ' ', 0)
	fmt.Fprintln(t, "FAULT\tA CHECK SHOWS\tWHAT IT DOES")
	for _, f := range s.faults {
		help := f.Help
		if !f.Repairable {
			help += " (no repair: needs a new laboratory)"
		}
		var codes []string
		for _, c := range f.Shows {
			codes = append(codes, string(c))
		}
		fmt.Fprintf(t, "%s\t%s\t%s\n", prefix+f.Name, dash(strings.Join(codes, ", ")), help)
	}
	_ = t.Flush() // the writer's error shows at the next write
}
