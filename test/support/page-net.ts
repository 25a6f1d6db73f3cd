import type { NetworkFile } from '../../src/config/network.ts'
import { temporaryFolder } from './store-folder.ts'
import { type Whole, wholeNode } from './whole-node.ts'

export interface PagePod extends AsyncDisposable {
  folder: string
  /** That names the pod. */
  network: NetworkFile
  /** A person with the alias `NAME@one.test`, who is asked before a stranger's letter is fetched. */
  join(name: string): Promise<Whole>
}

/** A pod at `one.test`, on a real disk and a real network. */
export async function createPagePod(): Promise<PagePod> {
  await using stack = new AsyncDisposableStack()
  const folder = stack.use(await temporaryFolder()).path
  const parameters = { replicas: 2, quorum: 2 }
  const network = { name: 'page', description: '', seeds: [], pods: [], parameters }
  const pod = stack.use(await wholeNode({ folder, name: 'one', network, hostname: 'one.test' }))
  const addresses = pod.network.contact().addresses.map(a => `${a}/p2p/${pod.network.self}`)
  const theirs = { ...network, pods: [{ hostname: 'one.test', addresses }] }
  const all = stack.move()
  return {
    folder,
    network: theirs,
    async join(name) {
      const person = await wholeNode({ folder, network: theirs, name, requests: 'ask' })
      await person.client.register(`${name}@one.test`)
      return person
    },
    [Symbol.asyncDispose]: () => all.disposeAsync()
  }
}
