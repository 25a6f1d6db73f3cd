import { signal } from '@preact/signals'

/** Where the person is: `#/inbox/THREAD?q=…` is `{ view: 'inbox', id: 'THREAD', query: { q } }`. */
export interface Route {
  view: string
  id: string | undefined
  query: Record<string, string>
}

function read(): Route {
  const [path = '', query = ''] = location.hash.replace(/^#\/?/, '').split('?')
  const [view = '', ...rest] = path.split('/')
  const id = rest.join('/')
  return {
    view: view || 'inbox',
    id: id ? decodeURIComponent(id) : undefined,
    query: Object.fromEntries(new URLSearchParams(query))
  }
}

export const route = signal<Route>(read())
addEventListener('hashchange', () => (route.value = read()))

export function href(view: string, id?: string, query: Record<string, string> = {}): string {
  const said = new URLSearchParams(query).toString()
  return `#/${view}${id === undefined ? '' : `/${encodeURIComponent(id)}`}${said && `?${said}`}`
}

/** Back to the list that the open item stands in. */
export const leave = (): void => go(route.value.view, undefined, route.value.query)

export function go(view: string, id?: string, query?: Record<string, string>): void {
  location.hash = href(view, id, query)
}
