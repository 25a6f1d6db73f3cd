import { useSignal } from '@preact/signals'
import type { JSX } from 'preact'
import { useEffect } from 'preact/hooks'
import type { ReceivedAttachment } from '../../client/client.ts'
import type { FetchedAhead } from '../../client/files.ts'
import { nowMs } from '../clock.ts'
import { post } from '../data/ask.ts'
import { download } from '../data/house.ts'
import { onEvent } from '../data/live.ts'
import { aliases } from '../data/session.ts'
import { attempt } from '../data/toasts.ts'
import { apart, duration, size } from '../text/format.ts'
import { Safe } from '../text/safe.tsx'
import { plainOf } from '../text/tricks.ts'
import { Button } from './basics.tsx'
import { Icon } from './icons.tsx'

interface ReceivedFilesProps {
  letter: string
  files: readonly ReceivedAttachment[]
}

/** Files that came with a letter: to be fetched now, later or never. */
export function ReceivedFiles({ letter, files }: ReceivedFilesProps): JSX.Element | null {
  if (files.length === 0) return null
  return (
    <ul class="files" aria-label="Files of this letter">
      {files.map(file => (
        <Row key={file.index} letter={letter} given={file} />
      ))}
    </ul>
  )
}

function Row({ letter, given }: { letter: string; given: ReceivedAttachment }): JSX.Element {
  const moved = useSignal<Partial<ReceivedAttachment>>({})
  useEffect(
    () =>
      onEvent(event => {
        if (event.type === 'ahead' && event.id === letter && event.index === given.index) {
          const { pod, haveBytes } = event
          const state = event.state as FetchedAhead['state']
          moved.value = { ...moved.value, ahead: { pod, state, haveBytes, problem: null } }
        }
        if (event.type !== 'transfer' || event.direction !== 'in') return
        if (event.id !== letter || event.index !== given.index) return
        const { state, doneBytes: haveBytes, bytesPerSecond, remainingMs } = event
        const next = state as ReceivedAttachment['state']
        moved.value = { ...moved.value, state: next, haveBytes, bytesPerSecond, remainingMs }
      }),
    [letter, given.index]
  )
  const file = { ...given, ...moved.value }
  const at = `/inbox/${letter}/attachments/${file.index}`
  const tell = (what: 'fetch' | 'pause' | 'ahead') =>
    void attempt(async () => {
      moved.value = await post<ReceivedAttachment>(`${at}/${what}`)
    })
  const keep = () => void attempt(() => download(at, file.name))
  return (
    <li class="file-row">
      <Icon name="clip" size={16} />
      <div class="file-text">
        <p class="file-name">
          <Safe text={file.name} />
        </p>
        {file.state === 'fetching' && (
          <progress
            class="bar"
            max={Math.max(1, file.sizeBytes)}
            value={file.haveBytes}
            aria-label={`Progress of ${plainOf(file.name)}`}
          />
        )}
        <p class="hint">
          {size(file.sizeBytes)} · {saying(file)}
        </p>
      </div>
      {(file.state === 'remote' || file.state === 'paused') && (
        <Button icon="download" onClick={() => tell('fetch')}>
          {file.state === 'paused' ? 'Go on' : 'Fetch'}
        </Button>
      )}
      {file.state === 'remote' && aliases.value.length > 0 && !file.ahead && (
        <Button
          icon="clock"
          kind="quiet"
          label="Have your pod fetch it while this computer is off"
          onClick={() => tell('ahead')}
        />
      )}
      {file.state === 'remote' && file.ahead && file.ahead.state !== 'refused' && (
        <Button
          icon="close"
          kind="quiet"
          label="Your pod need not fetch it"
          onClick={() => tell('pause')}
        />
      )}
      {file.state === 'fetching' && (
        <Button icon="pause" label="Pause" kind="quiet" onClick={() => tell('pause')} />
      )}
      {file.state === 'here' && (
        <Button icon="download" kind="primary" onClick={keep}>
          Save
        </Button>
      )}
    </li>
  )
}

function saying({
  state,
  bytesPerSecond,
  remainingMs,
  problem,
  expiryMs,
  sizeBytes,
  ahead
}: ReceivedAttachment): string {
  switch (state) {
    case 'here':
      return 'here, checked piece by piece'
    case 'expired':
      return 'its time is over'
    case 'lost':
      return 'the network has it no longer, or it is not what the letter says'
    case 'paused':
      return problem?.message ?? 'paused'
    case 'remote':
      return `in the network, gone ${apart(expiryMs, nowMs.value)}${ahead ? `; ${aheadSaying(ahead, sizeBytes)}` : ''}`
    case 'fetching': {
      const rate = bytesPerSecond === null ? '' : `, ${size(bytesPerSecond)}/s`
      return `being fetched${rate}${remainingMs === null ? '' : `, ${duration(remainingMs)} left`}`
    }
  }
}

function aheadSaying({ pod, state, haveBytes, problem }: FetchedAhead, sizeBytes: number): string {
  switch (state) {
    case 'asking':
      return `${pod} is told what to fetch: leave this computer on until then`
    case 'fetching':
      return `${pod} fetches it: ${Math.floor((100 * haveBytes) / Math.max(1, sizeBytes))} %`
    case 'kept':
      return `${pod} has it for you`
    case 'refused':
      return problem?.message ?? `${pod} does not fetch it`
  }
}
