import { useSignal } from '@preact/signals'
import type { JSX } from 'preact'
import type { Fetched } from '../../cli/doors.ts'
import { nowMs } from '../clock.ts'
import { restoreFromNetwork, restoreHome } from '../data/house.ts'
import { Field } from '../parts/basics.tsx'
import { FileField } from '../parts/file-field.tsx'
import { NewHome, Pasted, Progress } from '../parts/new-home.tsx'
import { moment, size } from '../text/format.ts'

const places = {
  file: 'In a file',
  network: 'In the network, where the twelve words find it'
} as const
type Place = keyof typeof places

/** A person's node again, out of a backup. Source: docs/protocol/backup.md */
export function Restore({ onBack }: { onBack: () => void }): JSX.Element {
  const from = useSignal<Place>('file')
  const file = useSignal<File | null>(null)
  const link = useSignal('')
  const network = useSignal('')
  const words = useSignal('')
  const far = useSignal<JSX.Element | null>(null)
  const make = async (passphrase: string, signal: AbortSignal) => {
    const said = { words: words.value, passphrase }
    try {
      if (from.value === 'file')
        await restoreHome(file.value!, said, {
          signal,
          onProgress: sentBytes =>
            (far.value = <Read doneBytes={sentBytes} sizeBytes={file.value?.size ?? 0} />)
        })
      else {
        far.value = <p role="status">Looking for it in the network…</p>
        await restoreFromNetwork({
          ...{ ...said, signal },
          ...(link.value.trim() && { link: link.value.trim() }),
          ...(network.value && { network: network.value }),
          onProgress: fetched => (far.value = <Fetching fetched={fetched} />)
        })
      }
    } finally {
      far.value = null
    }
  }
  return (
    <NewHome
      title="Back from a backup"
      lead="This computer becomes another device of yours, with your key, contacts and letters as they were when the backup was made."
      yes="Restore"
      onMake={make}
      back="I have no backup"
      onBack={onBack}
      progress={far.value}
    >
      <fieldset class="choice">
        <legend>Where it is</legend>
        {Object.entries(places).map(([place, label]) => (
          <label class="check">
            <input
              type="radio"
              name="from"
              checked={from.value === place}
              onChange={() => (from.value = place as Place)}
            />
            {label}
          </label>
        ))}
      </fieldset>
      {from.value === 'file' ? (
        <Field label="Backup" hint="The file that was saved.">
          {(id, describedBy) => (
            <input
              id={id}
              aria-describedby={describedBy}
              type="file"
              required
              onChange={e => (file.value = e.currentTarget.files?.[0] ?? null)}
            />
          )}
        </Field>
      ) : (
        <>
          <Field
            label="A link into your network"
            hint="As anybody in it can show on their card; or its network file."
          >
            {(id, describedBy) => (
              <input
                id={id}
                aria-describedby={describedBy}
                value={link}
                required={network.value === ''}
                placeholder="muttr:…"
                autocomplete="off"
                spellcheck={false}
                onInput={e => (link.value = e.currentTarget.value)}
              />
            )}
          </Field>
          <FileField label="Network file" onText={text => (network.value = text)} />
        </>
      )}
      <Pasted label="Its twelve words" value={words.value} onText={text => (words.value = text)} />
    </NewHome>
  )
}

const Read = ({ doneBytes, sizeBytes }: { doneBytes: number; sizeBytes: number }): JSX.Element => (
  <Progress doneBytes={doneBytes} sizeBytes={sizeBytes}>
    {size(doneBytes)} of {size(sizeBytes)}
  </Progress>
)

const Fetching = ({ fetched }: { fetched: Fetched }): JSX.Element => {
  const { madeMs, sizeBytes, haveBytes, problem } = fetched
  return (
    <Progress doneBytes={haveBytes} sizeBytes={sizeBytes}>
      The backup of {moment(madeMs, nowMs.value)}: {size(haveBytes)} of {size(sizeBytes)}.
      {problem && ` A part waits: ${problem.message}.`}
    </Progress>
  )
}
