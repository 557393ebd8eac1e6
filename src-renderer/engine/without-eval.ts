// zod tries `new Function` once, with the first schema that is made, which the content security policy reports as a violation.
// So this is imported before every module that has schemas.
import { z } from 'zod';

z.config({ jitless: true });
