import { z } from 'zod'
import { MuttrError } from '../base/errors.ts'
import { limits } from '../base/limits.ts'
import { apiLimits } from './limits.ts'

/** Only shapes are checked here; what a value means is the client's to judge, so that both ways to it refuse with the same code. */
export const draft = z.strictObject({
  to: z.string(),
  from: z.string().exactOptional(),
  subject: z.string().exactOptional(),
  body: z.string(),
  mimeType: z.string().exactOptional(),
  lifeMs: z.number().exactOptional(),
  parent: z.string().exactOptional(),
  corrects: z.string().exactOptional(),
  receipt: z.boolean().exactOptional(),
  via: z.string().exactOptional(),
  attachments: z.array(z.string()).max(limits.letterAttachmentsMax).exactOptional(),
  draft: z.string().exactOptional()
})
export const attaching = z.strictObject({
  name: z.string(),
  type: z.string().exactOptional(),
  lifeMs: z.coerce.number().exactOptional(),
  sizeBytes: z.coerce.number().exactOptional(),
  via: z.string().exactOptional()
})
export const attachmentIndex = z.coerce
  .number()
  .int()
  .min(0)
  .max(limits.letterAttachmentsMax - 1)
export const named = z.strictObject({ alias: z.string() })
export const registering = z.strictObject({
  alias: z.string(),
  invite: z.string().exactOptional(),
  note: z.string().exactOptional()
})
export const reporting = z.strictObject({
  alias: z.string(),
  kind: z.enum(['spam', 'abuse', 'impersonation', 'other']),
  text: z.string().exactOptional(),
  letter: z.string().exactOptional()
})
export const inviting = z.strictObject({
  pod: z.string().exactOptional(),
  uses: z.number().exactOptional(),
  lifeMs: z.number().exactOptional(),
  note: z.string().exactOptional()
})
export const verifying = z.strictObject({
  alias: z.string(),
  shown: z.string().max(apiLimits.shownCharsMax).exactOptional()
})
export const revoking = z.strictObject({
  reason: z.enum(['superseded', 'compromised', 'retired'])
})
export const moving = z.strictObject({
  to: z.string(),
  from: z.string().exactOptional(),
  invite: z.string().exactOptional(),
  note: z.string().exactOptional()
})
export const succeeding = z.strictObject({
  secretKey: z.string().exactOptional(),
  keyPassphrase: z.string().exactOptional()
})
export const deciding = z.strictObject({ decision: z.enum(['once', 'always', 'block', 'ignore']) })
export const choosing = z.strictObject({
  alias: z.string(),
  policy: z.enum(['pull', 'ask', 'ignore'])
})

export const limit = z.coerce.number().int().min(1).max(apiLimits.listMax).exactOptional()
export const listing = z.strictObject({ limit })
export const yesOrNo = z
  .enum(['true', 'false'])
  .transform(text => text === 'true')
  .exactOptional()
export const inboxListing = z.strictObject({ limit, unread: yesOrNo })
export const storing = z.strictObject({
  lifeMs: z.coerce.number().exactOptional(),
  via: z.string().exactOptional()
})
export const fetching = z.strictObject({ via: z.string().exactOptional() })
export const passphrase = z.string().max(4_096)
/** Who asks knows the passphrase of the vault; null where it has none. */
export const proving = z.strictObject({ passphrase: passphrase.min(1).nullable() })
export const nothing = z.strictObject({})
export const importing = z.strictObject({ alias: z.string().exactOptional() })

/** @throws {MuttrError} `WIRE_MALFORMED`, naming the field. */
export function check<T>(schema: z.ZodType<T>, value: unknown): T {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  throw malformed(z.prettifyError(result.error).replace(/\s+/g, ' ').slice(0, 300))
}

export const malformed = (message: string, cause?: unknown): MuttrError =>
  new MuttrError('WIRE_MALFORMED', message, { hint: 'See docs/protocol/local-api.md.', cause })
