/**
 * Standing instructions ("always run the linter first", "I prefer pnpm") are hardly ever similar to the
 * question they apply to, so they are recognised when they are written and get a lane of their own in the
 * context bundle. The pattern covers nine in ten instructions and half of the preferences of the chats it
 * was measured on, and marks one user message in eleven.
 */

/** A sentence longer than this is a log or code, not an instruction. */
const sentenceCharsMax = 400
/** Characters of a message that are read: instructions stand at the beginning or the end. */
const readCharsMax = 8_000

const codeBlock = /```[\s\S]*?(?:```|$)|~~~[\s\S]*?(?:~~~|$)/g
const inlineCode = /`[^`\n]*`/g
const sentenceEnd = /(?<=[.!?。！？])\s+|\n+/u

const verb = String.raw`\p{L}{2,}`
const patterns = [
  String.raw`(?:from now on|going forward|in (?:the )?future|for future reference|as a (?:general )?rule|whenever|every time|each time)\b`,
  // "always use tabs", "never commit to main": an imperative, or addressed to the reader.
  String.raw`^(?:[^.!?]{0,80}[,;:–—-] *)?(?:please |so |also |and |but |then |you (?:should|must|can|will|need to) |you should |must |should |to |we |i want you to |i(?:'|’)d like you to )*(?:always|never) ${verb}`,
  String.raw`\b(?:should|must|shall|will|to|please|can you|could you|you) (?:always|never) ${verb}`,
  String.raw`\bi(?: would|(?:'|’)d)?(?: really| strongly| generally| usually| always| much)? (?:prefer|rather)\b`,
  String.raw`\bmy preference\b`,
  String.raw`\bi (?:like|want|need) (?:it|you|them|everything|all|code|answers|responses|explanations) (?:to|in|with|when)\b`,
  String.raw`\bplease (?:do not|don(?:'|’)t|only|always|never|use|avoid|keep|make sure|ensure|stick|include|format|write|remember|stop)\b`,
  String.raw`(?<!\b(?:i|we|to|they|he|she|i(?:'|’)ll|we(?:'|’)ll|will|i(?:'|’)m going to) )\b(?:make sure|be sure|remember) (?:to|that|you|not)\b`,
  String.raw`\b(?:use|choose|pick|prefer|write|go with) [^.!?]{1,80} (?:instead of|rather than|over) `,
  String.raw`\binstead of\b[^.!?]{1,60}[, ] *(?:use|prefer|please)\b`,
  String.raw`^(?:please )?(?:do not|don(?:'|’)t|avoid|prefer|stick to|stick with|only use) ${verb}`,
]
const instruction = new RegExp(patterns.join('|'), 'iu')

const question =
  /\?["')\]]*$|^(?:what|why|how|who|when|where|which|is|are|was|were|do(?! not)|does|did|can|could|would|should|will|has|have) /i
/** "I prefer small functions, so can you …?": what stands before the question counts by itself. */
const trailingQuestion =
  /[,;] *(?:(?:so|but|and|because|then) )*(?:i(?:'|’)m (?:wondering|curious|not sure)|can|could|would|will|should|how|what|which|why|where|do you|does|is (?:it|that|this|there)|are there|any)\b.*\?["')\]]*$/is
/** A question that asks for behaviour is an instruction all the same: "can you always …?" */
const request = /^(?:can|could|would|will) you (?:please )?(?:always|never|make sure|avoid|only)\b/i
/** "I always get an error", "it never works": a report, unless a wish is in it. */
const report =
  /\b(?:i|i(?:'|’)ve|it|this|that|they|we|he|she|which|who|has|have|had|is|are|was|were|(?:code|test|tests|server|build|app)) (?:always|never)\b/i
const wish = /\b(?:prefer|rather|from now on|please|make sure|should|must|want you|like you)\b/i
const looksLikeCode =
  /[{};]\s*$|=>|^\s*(?:\/\/|#include|import |def |class |const |let |var |return |at )|\w\(\)|[=!]=|::/

const isInstructionSentence = (sentence: string): boolean => {
  if (sentence.length < 8 || sentence.length > sentenceCharsMax || looksLikeCode.test(sentence)) return false
  if (request.test(sentence)) return true
  const statement = sentence.replace(trailingQuestion, '')
  if (statement !== sentence) return isInstructionSentence(statement)
  if (question.test(sentence) || !instruction.test(sentence)) return false
  return !report.test(sentence) || wish.test(sentence)
}

const listMarker = /^\s*(?:[-*+•>]|\d{1,3}[.)])\s+/

/** Sentences of prose, with code taken out. */
const proseSentences = (text: string): string[] => {
  const read =
    text.length > readCharsMax * 2 ? `${text.slice(0, readCharsMax)}\n${text.slice(-readCharsMax)}` : text
  return read
    .replaceAll(codeBlock, '\n')
    .replaceAll(inlineCode, 'it')
    .split(sentenceEnd)
    .map((sentence) => sentence.replace(listMarker, '').trim())
}

/** Whether a user's message or an anchor holds an instruction that outlives its moment. */
export const isStandingInstruction = (text: string): boolean =>
  proseSentences(text).some(isInstructionSentence)
