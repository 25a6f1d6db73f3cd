import { signal } from '@preact/signals'
import type { Failure } from '../../base/ports.ts'
import { hintHere } from '../text/hints.ts'

/** What a request was refused with, or why no answer came. Codes are those of docs/protocol/errors.md. */
export class Problem extends Error {
  readonly code: string
  readonly hint: string
  constructor({ code, message, hint }: Failure) {
    super(message)
    this.code = code
    this.hint = hintHere(code, hint)
  }
}

const place = 'muttr-token'

/** Whether this page may ask at all: `stale` when its token is of an earlier run of the node. */
export const access = signal<'open' | 'none' | 'stale'>('none')
/** False while no answer comes. */
export const reachable = signal(true)

let token = ''

/** What each request carries to be let in. */
let carried = (): Record<string, string> => ({ authorization: `Bearer ${token}` })
/** Of a page that is let in otherwise. */
export function carry(headers: () => Record<string, string>): void {
  carried = headers
}

/** Takes the token out of the address, so that it neither stays on the screen nor in the history. */
export function takeToken(): void {
  const given = /^#token=([0-9a-f]{64})$/.exec(location.hash)?.[1]
  if (given) {
    sessionStorage.setItem(place, given)
    history.replaceState(null, '', '#/')
  }
  token = given ?? sessionStorage.getItem(place) ?? ''
  access.value = token === '' ? 'none' : 'open'
}

export interface Call {
  method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  query?: Record<string, string | number | boolean | undefined>
  json?: unknown
  body?: Blob | string
  signal?: AbortSignal
}

/** @throws {Problem} */
export async function ask(path: string, call: Call = {}): Promise<Response> {
  const { method = 'GET', query = {}, json, body, signal: stop } = call
  const said = Object.entries(query).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, String(value)]]
  )
  const target = said.length > 0 ? `${path}?${new URLSearchParams(said)}` : path
  const headers = new Headers(carried())
  if (json !== undefined) headers.set('content-type', 'application/json')
  let answer: Response
  try {
    answer = await fetch(target, {
      method,
      headers,
      body: json === undefined ? (body ?? null) : JSON.stringify(json),
      ...(stop && { signal: stop }),
      redirect: 'error',
      referrerPolicy: 'no-referrer'
    })
  } catch (cause) {
    if (stop?.aborted) throw new Problem({ code: 'CANCELLED', message: 'cancelled', hint: '' })
    reachable.value = false
    throw new Problem({
      code: 'DAEMON_UNREACHABLE',
      message: `Muttr does not answer (${(cause as Error).message})`,
      hint: 'Is `muttr up` still running?'
    })
  }
  reachable.value = true
  if (answer.ok) return answer
  if (answer.status === 401) access.value = 'stale'
  throw await refusal(answer)
}

async function refusal(answer: Response): Promise<Problem> {
  const { error } = (await answer.json().catch(() => ({}))) as { error?: Partial<Failure> }
  return new Problem({
    code: (error?.code ?? 'PEER_REFUSED') as Failure['code'],
    message: error?.message ?? `Muttr answered ${answer.status}`,
    hint: error?.hint ?? ''
  })
}

export interface SendOptions {
  signal: AbortSignal
  onProgress: (sentBytes: number) => void
}

/** Sends a file of any length, and says how far it is: `fetch` does not tell. @throws {Problem} */
export function send<T>(
  path: string,
  body: Blob,
  query: Record<string, string>,
  { signal: stop, onProgress }: SendOptions
): Promise<T> {
  const asked = new XMLHttpRequest()
  asked.open('POST', `${path}?${new URLSearchParams(query)}`)
  asked.setRequestHeader('authorization', `Bearer ${token}`)
  asked.setRequestHeader('content-type', 'application/octet-stream')
  asked.upload.onprogress = ({ loaded }) => onProgress(loaded)
  stop.addEventListener('abort', () => asked.abort(), { once: true })
  return new Promise((resolve, reject) => {
    const lost = { code: 'DAEMON_UNREACHABLE', message: 'Muttr does not answer', hint: '' } as const
    asked.onerror = () => reject(new Problem(lost))
    asked.onabort = () => reject(new Problem({ ...lost, code: 'CANCELLED', message: 'cancelled' }))
    asked.onload = () => {
      const answer = new Response(asked.responseText, { status: asked.status })
      if (answer.ok) resolve(answer.json() as Promise<T>)
      else void refusal(answer).then(reject)
    }
    asked.send(body)
  })
}

export const json = async <T>(path: string, call?: Call): Promise<T> =>
  (await (await ask(path, call)).json()) as T

export const post = <T>(path: string, body?: unknown): Promise<T> =>
  json(path, { method: 'POST', ...(body !== undefined && { json: body }) })

/** Anything thrown, for people. */
export const problemOf = (err: unknown): Problem =>
  err instanceof Problem
    ? err
    : new Problem({ code: 'INTERNAL', message: String(err), hint: 'Please report it.' })
