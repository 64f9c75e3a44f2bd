import type { AnchorType } from '../../domain/memory.ts'

/** What a rule is, by its wording first and its heading second; the same text always gives the same. */
const wordings: readonly [RegExp, AnchorType][] = [
  [
    /\b(?:we (?:decided|chose|picked|settled on|migrated)|decision:|decided (?:to|on|against)|instead of .{0,80}\bbecause)\b/i,
    'decision',
  ],
  [
    /\b(?:must(?: not)?|never|always|do not|don[’']?t|avoid|required?|forbidden|prohibited|shall|only (?:use|when|if)|no exceptions?|ensure|make sure|prefer|should(?: not)?|mandatory)\b/i,
    'constraint',
  ],
]

const headings: readonly [RegExp, AnchorType][] = [
  [/\b(?:decisions?|adrs?|rationale)\b/i, 'decision'],
  [
    /\b(?:gotchas?|pitfalls?|lessons?|learnings?|learned|known issues?|troubleshooting|caveats?|quirks?|tips)\b/i,
    'learning',
  ],
  [/\b(?:apis?|interfaces?|contracts?|endpoints?|schemas?|protocols?)\b/i, 'interface'],
  [
    /\b(?:rules?|conventions?|guidelines?|style|standards?|polic(?:y|ies)|constraints?|requirements?|do not|don[’']?ts?|dos|security|best practices|workflow|principles?)\b/i,
    'constraint',
  ],
]

/** "Use two spaces", "Run the tests first". */
const imperative =
  /^(?:\W*)(?:please )?(?:use|run|keep|write|put|add|follow|make|name|test|commit|check|format|import|export|return|throw|log|handle|document|update|create|place|store|read|ask|stop|start|wrap|validate|sort|split|limit|include|exclude|leave|stick|respect|match|mock|group|separate)\b/i

export const classifyRule = (text: string, under: readonly string[]): AnchorType => {
  const prose = text.replaceAll(/```[\s\S]*?```|`[^`\n]*`/g, ' ')
  const byWording = wordings.find(([pattern]) => pattern.test(prose))?.[1]
  if (byWording) return byWording
  // The innermost heading says most.
  for (const title of under.toReversed()) {
    const found = headings.find(([pattern]) => pattern.test(title))?.[1]
    if (found) return found
  }
  return imperative.test(prose) ? 'constraint' : 'fact'
}
