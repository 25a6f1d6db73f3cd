import { lexer, type Token } from 'marked'

/** The parser takes time with the square of a paragraph's length where somebody means to make it: 0.2 s for so many characters. */
const paragraphCharsMax = 8_000
/** Quotes and lists in each other, so many on one line, are no letter. */
const nested = /^(?:[ \t]*(?:>|[*+-][ \t]|\d{1,9}[.)][ \t])){24}/m

/** A letter's Markdown as tokens; one plain token where reading it would take too long. */
export function tokensOf(body: string): readonly Token[] {
  const isPlain =
    nested.test(body) || body.split(/\n\s*\n/).some(({ length }) => length > paragraphCharsMax)
  if (isPlain) return [{ type: 'unread', raw: body }]
  try {
    return lexer(body)
  } catch {
    return [{ type: 'unread', raw: body }]
  }
}
