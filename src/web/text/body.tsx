import type { Token, Tokens } from 'marked'
import type { ComponentChildren, JSX } from 'preact'
import { useMemo } from 'preact/hooks'
import { textOfHtml } from './html-text.ts'
import { tokensOf } from './markdown.ts'
import { Safe } from './safe.tsx'

/** A letter's body as its type says: plain text, Markdown, or HTML reduced to its words. Nothing in it is ever parsed into the page. */
export function Body({ mimeType, body }: { mimeType: string; body: string }): JSX.Element {
  const type = mimeType.split(';')[0]!.trim().toLowerCase()
  if (type === 'text/markdown') return <Markdown text={body} />
  if (type === 'text/html')
    return (
      <>
        <p class="note">
          This letter was written in HTML. You see its words, and nothing was loaded.
        </p>
        <Html text={body} />
      </>
    )
  if (type.startsWith('text/')) return <Plain text={body} />
  return (
    <>
      <p class="note">
        A letter of the type{' '}
        <code>
          <Safe text={type.slice(0, 80)} />
        </code>
        , shown as it came.
      </p>
      <Plain text={body} />
    </>
  )
}

function Markdown({ text }: { text: string }): JSX.Element {
  const tokens = useMemo(() => tokensOf(text), [text])
  return (
    <div class="prose" dir="auto">
      {blocksOf(tokens)}
    </div>
  )
}

/** Read once, however often it is drawn. */
function Html({ text }: { text: string }): JSX.Element {
  const words = useMemo(() => textOfHtml(text), [text])
  return <Plain text={words} />
}

const address = /\bhttps?:\/\/[^\s<>"'\p{Cc}\p{Bidi_Control}]+/gu

/** Lines as they are, addresses as links, quotes of earlier letters set off. */
function Plain({ text }: { text: string }): JSX.Element {
  const parts: { isQuote: boolean; lines: string[] }[] = []
  for (const line of text.replace(/\r\n?/g, '\n').split('\n')) {
    const isQuote = line.startsWith('>')
    const last = parts.at(-1)
    if (last?.isQuote === isQuote) last.lines.push(line)
    else parts.push({ isQuote, lines: [line] })
  }
  return (
    <div class="words">
      {parts.map(({ isQuote, lines }) => {
        const words = isQuote ? lines.map(line => line.replace(/^> ?/, '')) : lines
        const said = linked(words.join('\n').replace(/^\n+|\s+$/g, ''))
        return isQuote ? <blockquote dir="auto">{said}</blockquote> : <div dir="auto">{said}</div>
      })}
    </div>
  )
}

function linked(text: string): ComponentChildren[] {
  const parts: ComponentChildren[] = []
  let from = 0
  for (const { 0: found, index } of text.matchAll(address)) {
    const target = found.replace(/[.,;:!?)\]}]+$/, '')
    parts.push(<Safe text={text.slice(from, index)} isMultiline />)
    parts.push(<Link to={target}>{target}</Link>)
    from = index + target.length
  }
  parts.push(<Safe text={text.slice(from)} isMultiline />)
  return parts
}

/** A link says where it leads when its words do not. It opens nothing of this page and tells nobody where it was. */
function Link({ to, children }: { to: string; children: ComponentChildren }): JSX.Element {
  const target = safeTarget(to)
  if (!target) return <>{children}</>
  const words = typeof children === 'string' ? children : undefined
  const host = target.protocol === 'mailto:' ? target.pathname : target.host
  const says = words && (URL.parse(words) ?? URL.parse(`https://${words}`))
  const isPlain = says && says.host === target.host && says.host !== '' && target.username === ''
  return (
    <>
      <a
        href={target.href}
        target="_blank"
        rel="noopener noreferrer nofollow ugc"
        title={target.href}
      >
        {words === undefined ? children : <Safe text={words} />}
      </a>
      {!isPlain && (
        <span class="leads">
          {' '}
          (<Safe text={host} />)
        </span>
      )}
    </>
  )
}

function safeTarget(to: string): URL | undefined {
  const target = URL.parse(to)
  return target && ['https:', 'http:', 'mailto:'].includes(target.protocol) ? target : undefined
}

/** Deeper than anybody writes: what is nested further is shown as its text. */
const depthMax = 12

function blocksOf(tokens: readonly Token[], depth = 0): ComponentChildren[] {
  if (depth > depthMax) return tokens.map(token => <Safe text={token.raw} isMultiline />)
  return tokens.map(token => block(token, depth + 1))
}

function block(token: Token, depth: number): ComponentChildren {
  switch (token.type) {
    case 'space':
    case 'def':
      return null
    case 'heading':
      // Below the page's own headings, and without the gaps that letters have between theirs.
      return (
        <h3 class={`level-${token.depth}`} dir="auto">
          {inlines(token.tokens, depth)}
        </h3>
      )
    case 'paragraph':
      return <p dir="auto">{inlines(token.tokens, depth)}</p>
    case 'code':
      return (
        <pre>
          <code>
            <Safe text={token.text} isMultiline />
          </code>
        </pre>
      )
    case 'blockquote':
      return <blockquote>{blocksOf(token.tokens ?? [], depth)}</blockquote>
    case 'hr':
      return <hr />
    case 'list':
      return list(token as Tokens.List, depth)
    case 'table':
      return table(token as Tokens.Table, depth)
    case 'text':
      return token.tokens ? inlines(token.tokens, depth) : <Safe text={token.text} isMultiline />
    default:
      return (
        <p dir="auto">
          <Safe text={token.raw} isMultiline />
        </p>
      )
  }
}

function list({ ordered, start, items }: Tokens.List, depth: number): JSX.Element {
  const entries = items.map(item => <li>{blocksOf(item.tokens, depth)}</li>)
  return ordered ? <ol start={Number(start) || 1}>{entries}</ol> : <ul>{entries}</ul>
}

const table = ({ header, rows }: Tokens.Table, depth: number): JSX.Element => (
  <div class="wide">
    <table>
      <thead>
        <tr>
          {header.map(cell => (
            <th>{inlines(cell.tokens, depth)}</th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map(row => (
          <tr>
            {row.map(cell => (
              <td>{inlines(cell.tokens, depth)}</td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  </div>
)

function inlines(tokens: readonly Token[] | undefined, depth: number): ComponentChildren[] {
  if (depth > depthMax) return (tokens ?? []).map(token => <Safe text={token.raw} isMultiline />)
  return (tokens ?? []).map(token => inline(token, depth + 1))
}

function inline(token: Token, depth: number): ComponentChildren {
  switch (token.type) {
    case 'strong':
      return <strong>{inlines(token.tokens, depth)}</strong>
    case 'em':
      return <em>{inlines(token.tokens, depth)}</em>
    case 'del':
      return <del>{inlines(token.tokens, depth)}</del>
    case 'codespan':
      return (
        <code>
          <Safe text={token.text} />
        </code>
      )
    case 'br':
      return <br />
    case 'link':
      return <Link to={token.href}>{token.text}</Link>
    case 'image':
      return (
        <>
          [image: <Link to={token.href}>{token.text || 'without a name'}</Link>]
        </>
      )
    case 'text':
      return token.tokens ? inlines(token.tokens, depth) : <Safe text={token.text} isMultiline />
    case 'escape':
      return <Safe text={token.text} />
    default:
      return <Safe text={token.raw} isMultiline />
  }
}
