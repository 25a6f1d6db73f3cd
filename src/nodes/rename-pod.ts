import { readFile } from 'node:fs/promises'
import { MuttrError } from '../base/errors.ts'
import type { PodRenamed, RenameOptions } from '../cli/pod-rename.ts'
import { editConfig } from '../config/config.ts'
import { writeFileAtomic } from '../config/home.ts'
import { writeNetwork } from '../config/network.ts'
import { addHostname } from '../keys/person.ts'
import { vaultNeedsPassphrase } from '../keys/vault.ts'
import { systemClock as clock } from '../net/clock.ts'
import type { PodNames } from '../pod/hostnames.ts'
import { refuseOlder } from '../pod/renamed-since.ts'
import {
  formerNames,
  markPlaces,
  namesNext,
  namesNow,
  renamed,
  wantNames
} from '../pod/renaming.ts'
import type { WholeState } from '../store/state.ts'
import type { Home } from './home.ts'
import { openPerson, readHome, writePerson } from './home.ts'
import { lockedPod, recordsOf } from './init-pod.ts'
import { readPodHostname } from './pod-hostname.ts'
import { openPodState } from './pod-state.ts'
import { upgradePod } from './upgrade/upgrade.ts'

/**
 * Gives a pod that does not run another hostname, or lets a former one go. The last step is the one that counts, in muttr.json; whatever was done
 * before changes nothing, and is done again by the next run. As `Doors.renamePod`.
 */
export async function renamePod(o: RenameOptions): Promise<PodRenamed> {
  const what = 'to' in o.what ? { ...o.what, to: readPodHostname(o.what.to) } : o.what
  await using home = await lockedPod(o.home)
  await upgradePod(home, { signal: o.signal })
  await using state = await openPodState(home.config.pod!.store, home.paths.podDb, { alone: true })
  const before = await namesNow(state)
  // What was asked for before, and no start has taken up.
  const next = await namesNext(state)
  return 'to' in what
    ? await toNew(home, state, { before, next }, what, o)
    : await letGo(home, state, next, what.forget)
}

async function toNew(
  home: Home,
  state: WholeState,
  { before, next }: { before: PodNames; next: PodNames },
  { to, had = [] }: { to: string; had?: readonly string[] },
  { passphrase, signal, onProgress }: RenameOptions
): Promise<PodRenamed> {
  // A name that it never began under is none of its former ones; one that was let go stays so.
  const former = before.former.filter(name => next.former.includes(name))
  const names = renamed({ ...before, former }, to, had)
  const { hostname } = names
  const aliases =
    hostname === before.hostname ? 0 : await markPlaces(state, before, { signal, onProgress })
  await nameKey(home, hostname, passphrase)
  if (signal.aborted) throw new MuttrError('CANCELLED', 'nothing was renamed')
  await wantNames(state, names)
  // Another pod of that name would stand in the file; this one is itself wherever it is listed.
  const ours = [hostname, ...names.former, before.hostname, next.hostname]
  const isOurs = (other: string) => ours.includes(other) || other === home.config.pod!.hostname
  const [own] = home.network.pods.filter(pod => isOurs(pod.hostname))
  const others = home.network.pods.filter(pod => !isOurs(pod.hostname))
  const pods = own ? [...others, { ...own, hostname }] : others
  await writeFileAtomic(home.paths.network, writeNetwork({ ...home.network, pods }))
  const text = await readFile(home.paths.config, 'utf8')
  await writeFileAtomic(home.paths.config, editConfig(text, ['pod', 'hostname'], hostname))
  return { ...names, aliases, records: recordsOf(await readHome(home.paths.home)) }
}

async function letGo(
  home: Home,
  state: WholeState,
  { hostname, former }: PodNames,
  name: string
): Promise<PodRenamed> {
  await refuseOlder(state, hostname)
  const asked = name.toLowerCase()
  if (!former.includes(asked))
    throw new MuttrError(
      'USAGE',
      `${hostname} was never called ${asked}, or answers for it no more`
    )
  const standing = await formerNames(state, { hostname, former }, clock.now())
  const aliases = standing.find(one => one.hostname === asked)?.aliases ?? 0
  if (aliases > 0)
    throw new MuttrError('USAGE', `${aliases} aliases are still under ${asked}`, {
      hint: 'Their people were not here since; each goes along when they come, or ends with its certification.'
    })
  const names = { hostname, former: former.filter(one => one !== asked) }
  await wantNames(state, names)
  return { ...names, aliases: 0, records: recordsOf(home) }
}

/** The pod's key has its hostname as a User ID: that is what a pod above certifies, and what GnuPG shows. */
async function nameKey(
  home: Home,
  hostname: string,
  ask: RenameOptions['passphrase']
): Promise<void> {
  const passphrase = vaultNeedsPassphrase(home.vault!) ? await ask('vault') : null
  const person = (await openPerson(home, async () => passphrase))!
  const named = await addHostname(person, hostname, clock.now())
  if (named !== person) await writePerson(home.paths, named, passphrase)
}
