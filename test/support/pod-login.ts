import assert from 'node:assert/strict'
import type { LoginUrls } from '../../src/cli/doors.ts'
import type { Testnet } from './testnet.ts'

interface LoggedIn {
  operator: string
  /** @param base of another process of the pod: `http://127.0.0.1:PORT/admin/` */
  get<T>(path: string, base?: string): Promise<T>
  post<T>(path: string, json?: object): Promise<T>
}

export const loginLink = async (net: Testnet, pod: string, ...args: string[]): Promise<LoginUrls> =>
  (await net.json<LoginUrls>(pod, 'pod', 'admin', 'link', ...args))[0]!

/** Opens a link on the machine of the pod, as the page does. @param at the page of another process, where it is opened instead */
export async function openLink({ local }: LoginUrls, at?: string): Promise<LoggedIn> {
  const [own = '', token] = local!.split('#link=')
  const page = at ?? own
  const ask = async <T>(url: string, init: RequestInit): Promise<T> => {
    const answer = await fetch(url, init)
    const said = await answer.json()
    assert.equal(answer.status, 200, JSON.stringify(said))
    return said as T
  }
  const send = (json: object, headers = {}): RequestInit => ({
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(json)
  })
  const said = await ask<{ token: string; csrf: string; operator: { name: string } }>(
    `${page}api/enter`,
    send({ token })
  )
  const headers = { authorization: `Bearer ${said.token}`, 'x-muttr-csrf': said.csrf }
  return {
    operator: said.operator.name,
    get: (path, base = page) => ask(`${base}api/${path}`, { headers }),
    post: (path, json = {}) => ask(`${page}api/${path}`, send(json, headers))
  }
}
