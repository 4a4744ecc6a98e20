package stash

import (
	"fmt"
	"slices"
	"strings"
)

// Change is one thing that a batch's defaults change, in the member of that index.
type Change struct {
	Member int
	Alias  string // what the target's alias becomes; empty if it stays
	Moved  bool   // the member's rules become the target's, or went because the target has the same
	Had    bool   // the target had rules before
}

// Default gives targets without alias their legacy alias, moves deprecated rules into the target, and tells what it did.
func (spec *BatchSpec) Default() []Change {
	var changes []Change
	for index := range spec.Members {
		member := &spec.Members[index]
		if member.Target == nil {
			continue
		}
		change := Change{Member: index, Had: member.Target.Rules != nil}
		if member.Rules != nil && (!change.Had || slices.EqualFunc(member.Rules, member.Target.Rules, Rule.equal)) {
			member.Target.Rules, member.Rules, change.Moved = member.Rules, nil, true
		}
		if member.Target.Alias == "" && spec.Driver != "VolumeSnapshotter" {
			change.Alias = member.Target.legacyAlias()
			member.Target.Alias = change.Alias
		}
		if change.Alias != "" || change.Moved {
			changes = append(changes, change)
		}
	}
	return changes
}

// legacyAlias is the alias that makes the host which a target without alias had; a DaemonSet's hosts have none.
func (target *Target) legacyAlias() string {
	switch target.pattern() {
	case indexed:
		return "host"
	case perNode:
		return ""
	}
	return "host-0"
}

func (rule Rule) equal(other Rule) bool {
	return rule.SourceHost == other.SourceHost && slices.Equal(rule.TargetHosts, other.TargetHosts) &&
		slices.Equal(rule.Snapshots, other.Snapshots) && slices.Equal(rule.Paths, other.Paths) &&
		slices.Equal(rule.Include, other.Include) && slices.Equal(rule.Exclude, other.Exclude)
}

type pattern int

const (
	literal pattern = iota // <alias>
	indexed                // <alias>-<ordinal>
	perNode                // <alias>-<node name>
)

// pattern is how hosts are made of the alias.
func (target *Target) pattern() pattern {
	switch {
	case target.VolumeClaimTemplates != nil && target.Replicas != nil:
		return indexed
	case target.VolumeClaimTemplates != nil:
		return literal
	case target.Ref.Kind == "StatefulSet":
		return indexed
	case target.Ref.Kind == "DaemonSet":
		return perNode
	}
	return literal
}

// Finding is a fault of a batch.
type Finding struct {
	Member  int
	Field   string // in the member's target
	Value   string
	Message string
}

// Check finds members that share an alias or, if they write, certainly a host, and rules that contradict each other.
// Each member is reported with the first that it clashes with.
func (spec *BatchSpec) Check(writes bool) []Finding {
	var findings []Finding
	aliases := make(map[string]int, len(spec.Members))
	hosts := newHosts(len(spec.Members))
	for index := range spec.Members {
		member := &spec.Members[index]
		if member.Target == nil {
			continue
		}
		if member.Rules != nil && member.Target.Rules != nil {
			findings = append(findings, Finding{index, "rules", "", "the deprecated rules beside the target differ from these"})
		}
		if spec.Driver == "VolumeSnapshotter" {
			continue
		}
		alias := member.Target.Alias
		if alias == "" {
			alias = member.Target.legacyAlias()
		}
		shared := false
		if alias != "" {
			var first int
			if first, shared = aliases[alias]; shared {
				message := fmt.Sprintf("members[%d] has the same alias %q", first, alias)
				findings = append(findings, Finding{index, "alias", alias, message})
			} else {
				aliases[alias] = index
			}
		}
		first, clash := hosts.add(index, member.Target.pattern(), alias)
		if clash && writes && !shared {
			message := fmt.Sprintf("members[%d] writes under the same host", first)
			findings = append(findings, Finding{index, "alias", alias, message})
		}
	}
	return findings
}

// hosts are the hosts of the members so far, by the index of the first that has each.
type hosts struct {
	literals, indexed, nodes map[string]int
	stems                    map[string]int // of literal hosts that end like indexed ones
}

func newHosts(members int) hosts {
	return hosts{make(map[string]int, members), map[string]int{}, map[string]int{}, map[string]int{}}
}

// add is the first member with which a further one certainly shares a host.
func (all hosts) add(index int, pattern pattern, alias string) (first int, clash bool) {
	switch pattern {
	case indexed:
		if first, clash = all.indexed[alias]; !clash {
			first, clash = all.stems[alias]
		}
		keep(all.indexed, alias, index)
	case perNode:
		first, clash = all.nodes[alias]
		keep(all.nodes, alias, index)
	default:
		stem, ordinal := stemOf(alias)
		if first, clash = all.literals[alias]; !clash && ordinal {
			first, clash = all.indexed[stem]
		}
		keep(all.literals, alias, index)
		if ordinal {
			keep(all.stems, stem, index)
		}
	}
	return first, clash
}

func keep(seen map[string]int, key string, index int) {
	if _, there := seen[key]; !there {
		seen[key] = index
	}
}

// stemOf is what comes before a host's ordinal, where it ends in one.
func stemOf(host string) (stem string, ordinal bool) {
	at := strings.LastIndexByte(host, '-')
	if at < 0 {
		return "", false
	}
	number := host[at+1:]
	if number == "" || (number[0] == '0' && len(number) > 1) || strings.Trim(number, "0123456789") != "" {
		return "", false
	}
	return host[:at], true
}
