import { z } from 'zod'

const port = z.int().min(0).max(65_535)
const File = z.string().min(1).max(4_096)

/** `pod.https` of muttr.json: the door for browsers, GnuPG and other programs. Source: docs/protocol/https.md */
export const Https = z
  .strictObject({
    /**
     * `files`: with a certificate that others look after. `acme`: with one that the pod orders and renews. `proxy`: plain HTTP on loopback, for a
     * web server in front of it.
     */
    mode: z.enum(['off', 'files', 'acme', 'proxy']).default('off'),
    /** Where it listens for `https:`, or in `proxy` on loopback; 0 takes any free port. */
    port: port.optional(),
    /** Where it listens for `http:` in `acme`: the authority asks at port 80, and nowhere else. */
    httpPort: port.default(80),
    /** The certificate with its chain, and its key, in PEM. Read again when they change. */
    certificate: File.optional(),
    key: File.optional(),
    /** Also a certificate for `openpgpkey.HOSTNAME`, where GnuPG asks first. Its DNS records must be there. */
    openpgpkey: z.boolean().default(false),
    acme: z
      .strictObject({
        directory: z
          .url({ protocol: /^https$/ })
          .default('https://acme-v02.api.letsencrypt.org/directory'),
        /** Where the authority writes when something is wrong. */
        email: z.email().optional(),
        /** The certificate of a private authority, in PEM. */
        trust: File.optional()
      })
      .prefault({}),
    /** Whether `/pks/add` takes what owners have signed anew of keys that have an alias here; nothing else ever. */
    add: z.enum(['closed', 'open']).default('closed')
  })
  .refine(h => h.mode !== 'files' || (h.certificate !== undefined && h.key !== undefined), {
    path: ['certificate'],
    message: 'the mode `files` needs certificate and key'
  })
/** `pod.admin` of muttr.json: the admin page at the door, under `/admin/`. On loopback it is always there. */
export const AdminPage = z.strictObject({
  mode: z.enum(['off', 'on']).default('off'),
  /** Where browsers find it, where that is not `https://HOSTNAME/admin/`: behind a proxy under another name or path. */
  url: z
    .url({ protocol: /^https$/ })
    .max(2_048)
    .regex(/^[^?#]*\/$/, 'an address that ends with /')
    .optional()
})

export type Https = z.infer<typeof Https>
