import { type Command, Option } from 'commander'
import { recordRows, recordsText } from '../dns-text.ts'
import { example } from '../example.ts'
import type { Output } from '../output.ts'
import type { PodRenamed } from '../pod-rename.ts'
import type { Action } from '../program.ts'
import type { Session } from '../session.ts'
import { pairs } from '../text.ts'
import { usage } from '../units.ts'

interface RenameArgs {
  to?: string
  had?: string[]
  forget?: string
}

/** A pod gets another hostname. */
export function addPodRename(pod: Command, action: Action): void {
  example(
    pod
      .command('rename')
      .description(
        'give the pod another hostname; its people and their correspondents follow by themselves. The pod must not run'
      )
      .addOption(new Option('--to <hostname>', 'what it is called from now on'))
      .addOption(
        new Option(
          '--had <hostname...>',
          'of a pod that came out of a backup: names that it had in between, newest first'
        )
      )
      .addOption(
        new Option(
          '--forget <hostname>',
          'answer for this former name no more; nobody must be under it'
        ).conflicts(['to', 'had'])
      )
      .action(action(rename)),
    'muttr pod rename --to new.example --home /srv/pod',
    'muttr pod rename --forget old.example --home /srv/pod'
  )
}

async function rename(session: Session, { to, had, forget }: RenameArgs): Promise<void> {
  const given = to !== undefined && { to, ...(had && { had }) }
  const what = given || (forget !== undefined && { forget })
  if (!what) throw usage('give the new name with --to, or a former one with --forget')
  const { out, open, home } = session
  const doors = await session.doors()
  const done = await doors.renamePod({
    ...{ ...open, home, what },
    onProgress(aliases) {
      if (out.screen && aliases > 0) out.note(`${aliases} aliases …`)
    }
  })
  await out.result(done, out => renamedText(out, done))
  if (to === undefined) return
  out.note(
    'Publish the records, start the pod with `muttr pod up`, and leave those of the former name as they are until `muttr pod doctor` says that it may go.'
  )
}

function renamedText(out: Output, { hostname, former, aliases, records }: PodRenamed): string {
  const about = pairs(out.style, [
    ['pod', hostname],
    ['answers for', former.length === 0 ? 'no other name' : former.join(', ')],
    ...(aliases === 0
      ? []
      : [['aliases', `${aliases}, each until its person has been here`] as [string, string]])
  ])
  return `${about}\n\nIn the DNS:\n\n${recordsText(out, recordRows(records))}`
}
