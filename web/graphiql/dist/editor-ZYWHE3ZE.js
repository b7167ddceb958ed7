import{a}from"./chunk-SSHA7XIT.js";import"./chunk-SJ35XO44.js";import"./chunk-QYYS4FVI.js";import"./chunk-QWVVFYTC.js";import"./chunk-QZCJXAU4.js";import"./chunk-43DUZJE2.js";export{a as initialize};
