import { copyFile, readFile } from 'node:fs/promises'
import { MuttrError } from '../base/errors.ts'
import type { PodMember } from '../cli/doors.ts'
import { readConfig } from '../config/config.ts'
import { homePaths, writeFileAtomic } from '../config/home.ts'
import { editJsonc } from '../config/jsonc.ts'
import { peerKeys } from '../net/peer-key.ts'
import { readHome } from './home.ts'
import { mustBePod } from './init-pod.ts'
import { inNewHome, makeKeys } from './new-home.ts'
import { embedded } from './pod-state.ts'

/** What all processes of a pod have in common, beside the state. */
const shared = ['network', 'vault', 'certificate', 'revocation', 'hpkeKey'] as const

/**
 * Makes the home of another process of a pod: with the pod's keys and settings, and a node's own. As `Doors.podMember`.
 * @throws {MuttrError} `HOME_MISSING`, `POD_UNKNOWN`, `HOME_EXISTS`, `USAGE` for a pod that keeps its state to itself
 */
export async function makePodMember(o: {
  home: string
  out: string
  listen?: string[]
}): Promise<PodMember> {
  await mustBePod(o.home)
  const { config } = await readHome(o.home)
  if (config.pod!.store === embedded)
    throw new MuttrError('USAGE', 'this pod keeps its state in its own folder', {
      hint: 'Move it first: `muttr pod migrate --to postgres://…`.'
    })
  const from = homePaths(o.home)
  const text = await readFile(from.config, 'utf8')
  const placed = o.listen ? editJsonc(text, ['listen'], o.listen) : text
  // The authority asks at the pod's name: processes that each order would answer it for one another.
  const doorClosed = config.pod!.https.mode === 'acme'
  const own = doorClosed ? editJsonc(placed, ['pod', 'https', 'mode'], 'off') : placed
  const { listen } = readConfig(own)
  return inNewHome(o.out, async paths => {
    const { privateKey } = await makeKeys(paths)
    for (const name of shared) await copyFile(from[name], paths[name])
    await writeFileAtomic(paths.config, Buffer.from(own))
    const { hostname } = config.pod!
    return { home: o.out, hostname, peer: peerKeys(privateKey).self, listen, doorClosed }
  })
}
