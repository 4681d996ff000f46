package spec

// instructionCost is what one compiled instruction costs; see [Match.Cost].
const instructionCost = 16

// Cost is what the Match costs the proxy in memory and in work whenever Targets
// change, in units of about ten bytes: its text, and much more for each
// instruction that its expressions compile to. Whoever makes Matches of what
// others wrote adds the costs up, because hosts times paths is easily written
// and each Match is compiled by itself.
func (m Match) Cost() int { return matchCost + m.Host.Cost() + m.Path.Cost() + m.conditionCost() }

// matchCost is the cost of a Match that says nothing.
const matchCost = 64

func (m Match) conditionCost() int {
	cost := 0
	for _, words := range [][]string{m.Entries, m.Methods} {
		for _, word := range words {
			cost += wordCost + len(word)
		}
	}
	for _, conditions := range [][]Condition{m.Headers, m.Queries} {
		for _, c := range conditions {
			cost += c.cost()
		}
	}
	return cost + wordCost*len(m.Clients)
}

// wordCost is the cost of a method, a network, a condition beside its text.
const wordCost = 16

func (c Condition) cost() int {
	cost := wordCost + len(c.Name) + len(c.Value)
	if c.Regexp {
		cost += regexpCost(c.Value)
	}
	return cost
}

// Cost is the host's part of [Match.Cost].
func (h Host) Cost() int { return patternCost(h.Pattern, h.Kind == TemplateHost) }

// Cost is the path's part of [Match.Cost].
func (p Path) Cost() int { return patternCost(p.Pattern, p.Template) }

// patternCost: the text of a template becomes part of its expression.
func patternCost(pattern string, template bool) int {
	if !template {
		return len(pattern)
	}
	parts, err := splitTemplate(pattern)
	if err != nil {
		return len(pattern) // never is one of ParseHost and ParsePath
	}
	cost := len(pattern)
	for _, p := range parts {
		cost += instructionCost*(len(p.literal)+namedPartInstructions) + regexpCost(p.expr)
	}
	return cost
}

// namedPartInstructions are those around a part's expression: a group, and a
// class with a repetition if it has none of its own.
const namedPartInstructions = 5

func regexpCost(expr string) int {
	instructions, err := RegexpSize(expr)
	if err != nil {
		return 0 // it is refused, and compiled by nobody
	}
	return instructionCost * instructions
}
