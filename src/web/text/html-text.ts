/**
 * An HTML letter as text. The browser's own parser reads it into a document that is never shown: nothing in it runs, loads or has a
 * style, and only its words are taken over, with where its links lead.
 */
const skipped = new Set([
  'SCRIPT',
  'STYLE',
  'TEMPLATE',
  'TITLE',
  'HEAD',
  'NOSCRIPT',
  'SVG',
  'MATH',
  'IFRAME',
  'OBJECT'
])
const blocks = new Set(
  'ADDRESS ARTICLE ASIDE BLOCKQUOTE DD DIV DL DT FIGURE FOOTER FORM H1 H2 H3 H4 H5 H6 HEADER HR LI MAIN OL P PRE SECTION TABLE TR UL'.split(
    ' '
  )
)
/** A document of so many nodes is no letter. */
const nodesMax = 50_000

interface TrustedPolicy {
  createHTML(text: string): string
}
interface TrustedTypes {
  createPolicy(name: string, rules: { createHTML: (text: string) => string }): TrustedPolicy
}

let policy: TrustedPolicy | undefined

/** The only text that is ever parsed as HTML, and only by what keeps it inert. */
function parse(html: string): Document {
  const { trustedTypes } = globalThis as { trustedTypes?: TrustedTypes }
  policy ??= trustedTypes?.createPolicy('muttr-inert', { createHTML: text => text }) ?? {
    createHTML: text => text
  }
  return new DOMParser().parseFromString(policy.createHTML(html), 'text/html')
}

export function textOfHtml(html: string): string {
  const document = parse(html)
  const walker = document.createTreeWalker(
    document.body,
    NodeFilter.SHOW_ELEMENT | NodeFilter.SHOW_TEXT,
    {
      acceptNode: node =>
        skipped.has(node.nodeName.toUpperCase())
          ? NodeFilter.FILTER_REJECT
          : NodeFilter.FILTER_ACCEPT
    }
  )
  let text = ''
  let seen = 0
  const line = (blank: boolean) => {
    if (text !== '' && !text.endsWith('\n')) text += '\n'
    if (blank && text !== '' && !text.endsWith('\n\n')) text += '\n'
  }
  for (let node = walker.nextNode(); node && seen < nodesMax; node = walker.nextNode(), seen++) {
    const name = node.nodeName.toUpperCase()
    if (node.nodeType === Node.TEXT_NODE) {
      const isPre = node.parentElement?.closest('pre')
      const said = node.nodeValue ?? ''
      const words = isPre ? said : said.replace(/\s+/g, ' ')
      text += text.endsWith('\n') || text === '' ? words.trimStart() : words
      const link = linkEnding(node)
      if (link) text += ` <${link}>`
    } else if (name === 'BR') text += '\n'
    else if (name === 'IMG')
      text += `[image${(node as Element).getAttribute('alt') ? `: ${(node as Element).getAttribute('alt')}` : ''}]`
    else if (blocks.has(name)) {
      line(name !== 'LI' && name !== 'TR' && name !== 'DIV')
      if (name === 'LI') text += '• '
    } else if (name === 'TD' || name === 'TH') text += '\t'
    else if (afterBlock(node)) line(false)
  }
  return text
    .replace(/[ \t]+\n/g, '\n')
    .replace(/\n{3,}/g, '\n\n')
    .trim()
}

const afterBlock = (node: Node): boolean =>
  node.previousSibling !== null && blocks.has(node.previousSibling.nodeName.toUpperCase())

/** Where the link leads whose last words these are, when its words do not say so themselves. */
function linkEnding(node: Node): string | undefined {
  const link = node.parentElement?.closest('a[href]')
  if (!link || link.textContent?.trim() === '' || lastText(link) !== node) return undefined
  const target = link.getAttribute('href') ?? ''
  return /^(https?|mailto):/i.test(target) && !link.textContent?.includes(target)
    ? target
    : undefined
}

function lastText(element: Element): Node | null {
  let node: Node | null = element
  while (node?.lastChild) node = node.lastChild
  return node
}
