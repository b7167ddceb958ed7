import{a}from"./chunk-V5I65ETD.js";import"./chunk-V7CRUYTQ.js";import"./chunk-AKQNIF47.js";import"./chunk-ONKWRYDX.js";import"./chunk-SMUHMULT.js";import"./chunk-4L5RI3VG.js";export{a as initialize};
