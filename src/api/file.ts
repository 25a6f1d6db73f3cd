import { open, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { toHex } from '../base/bytes.ts'
import type { Clock, Random } from '../base/ports.ts'
import { createAsk, jsonOf } from './ask.ts'
import { apiLimits } from './limits.ts'
import { isNonce, proofOf, sameSecret } from './proof.ts'
import { createRemoteClient, type RemoteClient, type RemoteParts } from './remote.ts'

/** HOME/api.json: where the daemon of this home listens, and the token that lets one in. Only its owner can read it. */
export interface ApiFile {
  url: string
  token: string
  pid: number
}

const schema = z.object({
  url: z.string().regex(/^http:\/\/127\.0\.0\.1:\d{1,5}$/),
  token: z.string().refine(isNonce),
  pid: z.int().positive()
})
const fileIn = (home: string): string => join(home, 'api.json')

/** Writes it whole or not at all, mode 0600. Disposing removes it, unless another daemon wrote its own meanwhile. */
export async function writeApiFile(home: string, file: ApiFile): Promise<AsyncDisposable> {
  const name = fileIn(home)
  const draft = `${name}.${file.pid}`
  await rm(draft, { force: true })
  await using handle = await open(draft, 'wx', 0o600)
  await handle.writeFile(`${JSON.stringify(file)}\n`)
  await rename(draft, name)
  return {
    async [Symbol.asyncDispose]() {
      if ((await readApiFile(home))?.token === file.token) await rm(name, { force: true })
    }
  }
}

/** @returns undefined when there is none, or none that a daemon of ours wrote. */
export async function readApiFile(home: string): Promise<ApiFile | undefined> {
  try {
    const text = await readFile(fileIn(home), 'utf8')
    return schema.parse(JSON.parse(text.slice(0, apiLimits.apiFileBytesMax)))
  } catch {
    return undefined
  }
}

interface ConnectParts extends Pick<RemoteParts, 'passphrase'> {
  random: Random
  clock: Clock
  signal?: AbortSignal
  fetch?: typeof globalThis.fetch
}

/**
 * The running daemon of a home. A file that a killed daemon left behind is recognised: whoever listens on its port now cannot prove that
 * it knows the token, and is sent neither token nor letter.
 * @returns undefined when no daemon runs.
 * @throws {MuttrError} `CANCELLED`
 */
export async function connectDaemon(
  home: string,
  { random, clock, signal, fetch = globalThis.fetch, passphrase }: ConnectParts
): Promise<RemoteClient | undefined> {
  const file = await readApiFile(home)
  if (!file) return undefined
  const nonce = toHex(random.bytes(32))
  const late = new AbortController()
  using _timer = clock.after(apiLimits.helloMs, () => late.abort())
  const stop = signal ? AbortSignal.any([signal, late.signal]) : late.signal
  const greet = createAsk({ url: file.url, token: null, fetch }, stop)
  try {
    const call = { query: { nonce } }
    const { proof } = await greet<{ proof?: unknown }>('/hello', call, jsonOf)
    if (typeof proof !== 'string' || !sameSecret(proof, proofOf(file.token, nonce)))
      return undefined
  } catch (err) {
    if (signal?.aborted) throw err
    return undefined
  }
  const { url, token } = file
  return createRemoteClient({ url, token, fetch, ...(passphrase && { passphrase }) })
}
