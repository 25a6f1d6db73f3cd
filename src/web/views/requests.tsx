import { useSignal } from '@preact/signals'
import type { JSX } from 'preact'
import { useEffect } from 'preact/hooks'
import type { Decision, LetterRequest } from '../../client/requests/request.ts'
import { nowMs } from '../clock.ts'
import { json, post } from '../data/ask.ts'
import { changes, mailChanged } from '../data/mailbox.ts'
import { refresh } from '../data/session.ts'
import { attempt, tell } from '../data/toasts.ts'
import { Avatar } from '../parts/avatar.tsx'
import { Button, Empty, Spinner } from '../parts/basics.tsx'
import { Icon } from '../parts/icons.tsx'
import { apart, count, size } from '../text/format.ts'
import { Safe } from '../text/safe.tsx'

const listMax = 500

/** Who asks to be read. Of their letters nothing was fetched, and nothing of them is shown. */
export function Requests(): JSX.Element {
  const requests = useSignal<readonly LetterRequest[] | null>(null)
  useEffect(() => {
    void attempt(async () => {
      requests.value = await json<LetterRequest[]>('/requests', { query: { limit: listMax } })
    })
  }, [changes.value])
  const decide = (request: LetterRequest, decision: Decision) =>
    attempt(async () => {
      await post(`/requests/${request.id}`, { decision })
      requests.value = (requests.value ?? []).filter(({ id }) => id !== request.id)
      tell(done[decision](request.alias))
      mailChanged()
      void refresh()
    })
  return (
    <div class="page-view scroll">
      <header class="pane-head">
        <h1>Requests</h1>
      </header>
      {requests.value === null ? (
        <Spinner />
      ) : requests.value.length === 0 ? (
        <Empty icon="door" title="Nobody asks">
          <p>
            First letters of people whom you do not know wait here, unfetched, until you let them
            in. They do not learn whether you looked.
          </p>
        </Empty>
      ) : (
        <ul class="requests">
          {requests.value.map(request => (
            <Asking
              key={request.id}
              request={request}
              onDecide={decision => void decide(request, decision)}
            />
          ))}
        </ul>
      )}
    </div>
  )
}

const done: Record<Decision, (alias: string) => string> = {
  once: alias => `The letters of ${alias} are being fetched.`,
  always: alias => `${alias} is let in from now on.`,
  ignore: alias => `What waited of ${alias} was dropped.`,
  block: alias => `${alias} is blocked.`
}

interface AskingProps {
  request: LetterRequest
  onDecide: (decision: Decision) => void
}

const Asking = ({ request: r, onDecide }: AskingProps): JSX.Element => (
  <li class="request">
    <Avatar alias={r.alias} fingerprint={r.fingerprint} />
    <div class="request-text">
      <p class="request-who">
        <Safe text={r.alias} />
      </p>
      <p class="hint">
        {count(r.letters, 'letter')}, {size(r.sizeBytes)} sealed, {apart(r.atMs, nowMs.value)},
        announced by <Safe text={r.pod} />. Gone from the network {apart(r.expiryMs, nowMs.value)}.
      </p>
      <p class={`trust ${r.certifiedByPod ? 'known' : 'unsure'}`}>
        {!r.certifiedByPod && <Icon name="warning" size={14} />}
        {r.certifiedByPod
          ? 'Their pod says that this key is theirs.'
          : 'No pod has said that this name is theirs.'}
      </p>
      {r.looksLike && (
        <p class="callout bad">
          <Icon name="warning" />
          <span>
            Looks like <strong>{r.looksLike}</strong>, and is somebody else.
          </span>
        </p>
      )}
      {r.invited && (
        <p class="callout bad">
          <Icon name="warning" />
          <span>
            Your invitation named another key for this address. Ask them, by another way, which one
            is theirs.
          </span>
        </p>
      )}
      <div class="buttons">
        <Button kind="primary" onClick={() => onDecide('always')}>
          Let in
        </Button>
        <Button onClick={() => onDecide('once')}>Only this time</Button>
        <Button kind="quiet" onClick={() => onDecide('ignore')}>
          Drop
        </Button>
        <Button kind="danger" onClick={() => onDecide('block')}>
          Block
        </Button>
      </div>
    </div>
  </li>
)
