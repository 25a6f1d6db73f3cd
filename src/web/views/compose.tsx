import { useSignal } from '@preact/signals'
import type { JSX } from 'preact'
import { useEffect, useMemo, useRef } from 'preact/hooks'
import { limits } from '../../base/limits.ts'
import type { Contact, Entry, SavedDraft } from '../../client/client.ts'
import { json, type Problem, post, problemOf } from '../data/ask.ts'
import { Draft } from '../data/drafts.ts'
import { mailChanged } from '../data/mailbox.ts'
import { aliases, contactOf, contacts, refresh } from '../data/session.ts'
import { attempt, tell } from '../data/toasts.ts'
import { Uploads } from '../data/uploads.ts'
import { Button, Field, Trouble } from '../parts/basics.tsx'
import { Icon } from '../parts/icons.tsx'
import { isStopped, KeyNews } from '../parts/key-change.tsx'
import { OwnAlias } from '../parts/own-alias.tsx'
import { Lookalike, Trust } from '../parts/trust.tsx'
import { UploadList } from '../parts/uploads.tsx'
import { go, href, route } from '../route.ts'
import { Body } from '../text/body.tsx'
import { size } from '../text/format.ts'

const dayMs = 86_400_000
const lives = [1, 7, 30, 100].map(days => ({
  ms: days * dayMs,
  name: days === 1 ? 'a day' : `${days} days`
}))
const envelopeBytes = 420

/** A new letter, or a draft that goes on. */
export function Compose(): JSX.Element {
  const { id, query } = route.value
  const draft = useSignal<Draft | null>(id ? null : new Draft(query.to ? { to: query.to } : {}))
  useEffect(() => {
    if (id)
      void attempt(async () => {
        const found = (await json<SavedDraft[]>('/drafts')).find(saved => saved.id === id)
        const { id: saved, savedMs: _, ...fields } = found ?? { id: null, savedMs: 0, body: '' }
        draft.value = new Draft(fields, saved)
      })
  }, [id])
  return (
    <div class="page-view">
      <header class="pane-head">
        <h1>New letter</h1>
      </header>
      {draft.value && (
        <Editor draft={draft.value} onSent={() => go('sent')} onDiscard={() => go('inbox')} />
      )}
    </div>
  )
}

/** An answer, right below what it answers. */
export function Reply({ to, onDone }: { to: Entry; onDone: () => void }): JSX.Element {
  const draft = useMemo(
    () =>
      new Draft({
        to: to.direction === 'in' ? to.from.alias : to.to,
        from: to.direction === 'in' ? to.to : to.from,
        subject: /^re:/i.test(to.subject) ? to.subject : `Re: ${to.subject}`,
        parent: to.id
      }),
    [to.id]
  )
  return (
    <div class="reply">
      <Editor draft={draft} isReply onSent={onDone} onDiscard={onDone} />
    </div>
  )
}

interface EditorProps {
  draft: Draft
  isReply?: boolean
  onSent: () => void
  onDiscard: () => void
}

function Editor({ draft, isReply = false, onSent, onDiscard }: EditorProps): JSX.Element {
  const { fields, saved } = draft.now.value
  const isSending = useSignal(false)
  const isPreview = useSignal(false)
  const problem = useSignal<Problem | null>(null)
  const body = useRef<HTMLTextAreaElement>(null)
  useEffect(() => {
    if (isReply) body.current?.focus()
    return () => void draft.save()
  }, [])
  const uploads = useMemo(
    () => new Uploads(fields.attachments ?? [], attachments => draft.change({ attachments })),
    [draft]
  )
  useEffect(() => () => uploads[Symbol.dispose](), [uploads])
  const isOver = useSignal(false)
  const attach = (files: Iterable<File> | null | undefined) => {
    isOver.value = false
    if (files) uploads.add(files, fields.lifeMs)
  }
  const isMarkdown = fields.mimeType === 'text/markdown'
  const bytes = new TextEncoder().encode(fields.body).byteLength
  const isTooLong = bytes > limits.letterBodyBytesMax
  const contact = fields.to ? contactOf(fields.to.trim().toLowerCase()) : undefined
  const isBlocked = contact !== undefined && isStopped(contact)

  const send = async () => {
    if (isSending.value || isTooLong || isBlocked) return
    isSending.value = true
    problem.value = null
    try {
      const letter = await draft.send()
      tell(letter.waiting ? `It waits here: ${letter.waiting.message}` : 'On its way.')
      mailChanged()
      onSent()
    } catch (err) {
      problem.value = problemOf(err)
      // A key that was seen to change just now is shown with its question.
      if (problem.value.code === 'KEY_CHANGED') await refresh()
    } finally {
      isSending.value = false
    }
  }
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) void send()
  }
  return (
    <form
      class={`editor${isOver.value ? ' dropping' : ''}`}
      onDragOver={event => {
        event.preventDefault()
        isOver.value = true
      }}
      onDragLeave={() => (isOver.value = false)}
      onDrop={event => {
        event.preventDefault()
        attach(event.dataTransfer?.files)
      }}
      onSubmit={event => {
        event.preventDefault()
        void send()
      }}
      onKeyDown={onKeyDown}
    >
      {!isReply && <Recipient draft={draft} contact={contact} />}
      {aliases.value.length > 1 && (
        <OwnAlias
          label="From"
          value={fields.from ?? aliases.value[0]}
          onChange={from => draft.change({ from })}
        />
      )}
      {!isReply && (
        <Field label="Subject">
          {id => (
            <input
              id={id}
              value={fields.subject ?? ''}
              maxLength={limits.letterSubjectBytesMax}
              onInput={e => draft.change({ subject: e.currentTarget.value })}
            />
          )}
        </Field>
      )}
      {contact && <KeyNews contact={contact} />}
      <div class="writing">
        <div class="writing-bar">
          <fieldset class="tabs" aria-label="How it is written">
            <Button
              kind="quiet"
              pressed={!isMarkdown}
              onClick={() => draft.change({ mimeType: 'text/plain' })}
            >
              Plain
            </Button>
            <Button
              kind="quiet"
              pressed={isMarkdown}
              onClick={() => draft.change({ mimeType: 'text/markdown' })}
            >
              Markdown
            </Button>
          </fieldset>
          {isMarkdown && (
            <Button
              kind="quiet"
              pressed={isPreview.value}
              onClick={() => (isPreview.value = !isPreview.value)}
            >
              Preview
            </Button>
          )}
        </div>
        {isMarkdown && isPreview.value ? (
          <div class="preview">
            <Body mimeType="text/markdown" body={fields.body} />
          </div>
        ) : (
          <textarea
            ref={body}
            aria-label="Letter"
            dir="auto"
            rows={isReply ? 6 : 14}
            placeholder={isMarkdown ? 'Write in **Markdown**…' : 'Write…'}
            value={fields.body}
            onInput={e => draft.change({ body: e.currentTarget.value })}
          />
        )}
      </div>
      <UploadList uploads={uploads} />
      <Trouble problem={problem.value} />
      <div class="send-bar">
        <Button
          type="submit"
          kind="primary"
          icon="sent"
          keys="Ctrl+Enter"
          busy={isSending.value}
          disabled={isTooLong || isBlocked || uploads.isReading}
        >
          Send
        </Button>
        <label class="button quiet file" title="Attach files, or drop them here">
          <Icon name="clip" size={18} />
          <span>Attach</span>
          <input
            type="file"
            multiple
            class="unseen"
            onChange={e => {
              attach(e.currentTarget.files)
              e.currentTarget.value = ''
            }}
          />
        </label>
        <Options draft={draft} />
        <span
          class={`size${isTooLong ? ' over' : ''}`}
          title="Sealed letters have one of five sizes, so that holders do not learn more."
        >
          {isTooLong
            ? `${size(bytes)}: a letter holds ${size(limits.letterBodyBytesMax)}`
            : `Sealed: ${size(sealedSize(bytes))}`}
        </span>
        <span class="saved" role="status">
          {saved === 'saving' ? 'Saving…' : saved === 'here' ? 'Draft saved' : ''}
        </span>
        <Button
          icon="trash"
          label="Discard"
          kind="quiet"
          onClick={() => void attempt(() => draft.discard()).then(onDiscard)}
        />
      </div>
    </form>
  )
}

/** The size its holders will see, about: what is around the body takes some of it. */
const sealedSize = (bytes: number): number =>
  limits.sealedSizes.find(each => each >= bytes + envelopeBytes) ?? limits.blobBytesMax

function Options({ draft }: { draft: Draft }): JSX.Element {
  const { fields } = draft.now.value
  return (
    <>
      <label class="option">
        Kept
        <select
          value={String(fields.lifeMs ?? limits.blobLifeMsDefault)}
          onChange={e => draft.change({ lifeMs: Number(e.currentTarget.value) })}
        >
          {lives.map(({ ms, name }) => (
            <option value={String(ms)}>{name}</option>
          ))}
        </select>
      </label>
      <label class="check">
        <input
          type="checkbox"
          checked={fields.receipt ?? false}
          onChange={e => draft.change({ receipt: e.currentTarget.checked })}
        />
        Ask for a receipt
      </label>
    </>
  )
}

/** Whom it is for, and what is known of them before anything is sent. */
function Recipient({
  draft,
  contact
}: {
  draft: Draft
  contact: Contact | undefined
}): JSX.Element {
  const to = draft.now.value.fields.to ?? ''
  const problem = useSignal<Problem | null>(null)
  const isLooking = useSignal(false)
  const look = async () => {
    const alias = to.trim().toLowerCase()
    problem.value = null
    if (!alias.includes('@') || contact) return
    isLooking.value = true
    try {
      await post<Contact>('/lookups', { alias })
    } catch (err) {
      problem.value = problemOf(err)
    } finally {
      isLooking.value = false
      await refresh()
    }
  }
  return (
    <>
      <Field
        label="To"
        hint={
          isLooking.value ? (
            'Asking their pod…'
          ) : contact && !contact.changedTo ? (
            <Trust from={contact} />
          ) : contact ? null : (
            <>
              As in <code>bob@pod.example</code>. Their pod says which key is theirs, and it is
              pinned. {contacts.value.length > 0 && <a href={href('contacts')}>Contacts</a>}
            </>
          )
        }
      >
        {(id, describedBy) => (
          <>
            <input
              id={id}
              aria-describedby={describedBy}
              value={to}
              list="known-people"
              inputMode="email"
              autocomplete="off"
              autocapitalize="none"
              spellcheck={false}
              required
              onInput={e => draft.change({ to: e.currentTarget.value })}
              onBlur={() => void look()}
            />
            <datalist id="known-people">
              {contacts.value.map(({ alias }) => (
                <option value={alias} />
              ))}
            </datalist>
          </>
        )}
      </Field>
      {to.includes('@') && <Lookalike alias={to.trim().toLowerCase()} />}
      <Trouble problem={problem.value?.code === 'KEY_CHANGED' ? null : problem.value} />
    </>
  )
}
