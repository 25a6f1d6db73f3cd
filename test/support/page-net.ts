import type { NetworkFile } from '../../src/config/network.ts'
import { temporaryFolder } from './store-folder.ts'
import { type Whole, wholeNode } from './whole-node.ts'

export interface PageNet extends AsyncDisposable {
  alice: Whole
  bob: Whole
}

export interface PagePod extends AsyncDisposable {
  folder: string
  /** That names the pod. */
  network: NetworkFile
}

/** A pod at `one.test`, on a real disk and a real network. */
export async function createPagePod(): Promise<PagePod> {
  await using stack = new AsyncDisposableStack()
  const folder = stack.use(await temporaryFolder()).path
  const parameters = { replicas: 2, quorum: 2 }
  const network = { name: 'page', description: '', seeds: [], pods: [], parameters }
  const pod = stack.use(await wholeNode({ folder, name: 'one', network, hostname: 'one.test' }))
  const addresses = pod.network.contact().addresses.map(a => `${a}/p2p/${pod.network.self}`)
  const all = stack.move()
  return {
    folder,
    network: { ...network, pods: [{ hostname: 'one.test', addresses }] },
    [Symbol.asyncDispose]: () => all.disposeAsync()
  }
}

/** That pod and two people with addresses there. Bob is asked before a stranger's letter is fetched. */
export async function createPageNet(): Promise<PageNet> {
  await using stack = new AsyncDisposableStack()
  const { folder, network } = stack.use(await createPagePod())
  const alice = stack.use(await wholeNode({ folder, network, name: 'alice' }))
  const bob = stack.use(await wholeNode({ folder, network, name: 'bob', requests: 'ask' }))
  await alice.client.register('alice@one.test')
  await bob.client.register('bob@one.test')
  const all = stack.move()
  return { alice, bob, [Symbol.asyncDispose]: () => all.disposeAsync() }
}
