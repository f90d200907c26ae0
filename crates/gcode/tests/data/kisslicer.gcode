; KISSlicer - FREE
; Linux
; version 1.6.3
; Built: Apr  6 2018, 10:52:24
; Running on 4 cores
;
; first_layer_thickness_mm = 0.3
; max_layer_thickness_mm = 0.25
; first_layer_C = 205
; bed_C = 55
;
M104 S205
; BEGIN_LAYER_OBJECT z=0.300 z_thickness=0.300
G1 X70.5 Y70.5 Z0.3 E1
; END_LAYER_OBJECT z=0.300
; BEGIN_LAYER_OBJECT z=0.550 z_thickness=0.250
G1 X71.5 Y70.5 Z0.55 E2
; END_LAYER_OBJECT z=0.550
; Estimated Build Time:   150.00 minutes
; Calculated-during-export Build Time: 130.62 minutes
; Filament used per extruder:
;    Ext #1 =   1500.25 mm  (3.609 cm^3)
