import { mkdtemp, rm } from 'node:fs/promises'
import { createConnection, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

interface CuttingProxy extends AsyncDisposable {
  readonly url: string
  readonly cuts: number
  /** Ends the next connection that sends this text: before the server has it, or once it answers. */
  cutAt(text: string, when: 'before' | 'after'): void
}

/** Stands before a PostgreSQL on a socket of its own, and cuts connections where a test says. */
export async function cuttingProxy(serverUrl: string): Promise<CuttingProxy> {
  const folder = await mkdtemp(join(tmpdir(), 'mpx'))
  const file = '.s.PGSQL.5432'
  const behind = join(
    new URL(serverUrl.replace('@/', '@localhost/')).searchParams.get('host')!,
    file
  )
  let next: { text: string; when: 'before' | 'after' } | undefined
  let cuts = 0
  const server = createServer(client => {
    const upstream = createConnection(behind)
    let doomed = false
    const cut = () => {
      cuts += 1
      client.destroy()
      upstream.destroy()
    }
    client.on('data', data => {
      if (next && data.includes(next.text)) {
        const { when } = next
        next = undefined
        if (when === 'before') return cut()
        doomed = true
      }
      upstream.write(data)
    })
    upstream.on('data', data => {
      if (doomed) return cut()
      client.write(data)
    })
    for (const [from, to] of [
      [client, upstream],
      [upstream, client]
    ] as const) {
      from.on('close', () => to.destroy())
      from.on('error', () => to.destroy())
    }
  })
  await new Promise<void>(resolve => server.listen(join(folder, file), resolve))
  return {
    url: serverUrl.replace(/host=.*/, `host=${folder}`),
    get cuts() {
      return cuts
    },
    cutAt(text, when) {
      next = { text, when }
    },
    async [Symbol.asyncDispose]() {
      server.close()
      await rm(folder, { recursive: true, force: true })
    }
  }
}
