import { ask, carry, json } from '../../data/ask.ts'

const place = 'muttr-admin'

/** What the browser does not keep by itself: on this machine the session's token, for the tab; and what shows that a request is ours. */
let token = ''
let csrf = ''

export function keep(given: { token?: string; csrf: string }): void {
  csrf = given.csrf
  if (given.token === undefined) return
  token = given.token
  sessionStorage.setItem(place, token)
}

export function forget(): void {
  token = ''
  csrf = ''
  sessionStorage.removeItem(place)
}

export function recall(): void {
  token = sessionStorage.getItem(place) ?? ''
  carry(() => ({
    'x-muttr-csrf': csrf,
    ...(token !== '' && { authorization: `Bearer ${token}` })
  }))
}

/** A cookie is sent with whatever is saved, too. */
export const hasCookie = (): boolean => token === ''

type Query = Record<string, string | number | boolean | undefined>

export const get = <T>(path: string, query: Query = {}): Promise<T> =>
  json<T>(`api/${path}`, { query })

export const post = <T>(path: string, body: unknown = {}): Promise<T> =>
  json<T>(`api/${path}`, { method: 'POST', json: body })

export const events = (signal: AbortSignal): Promise<Response> => ask('api/events', { signal })

/** A part of a path. */
export const part = (text: string): string => encodeURIComponent(text)
